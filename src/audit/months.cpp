#include <algorithm>

#include "audit/table.hpp"
#include "sqlite/connection.hpp"

namespace custody::audit {

std::string next_month(const std::string& month) {
    int year = std::stoi(month.substr(0, 4));
    int number = std::stoi(month.substr(5, 2)) + 1;
    if (number == 13 && year < 9999) {  // after the last one comes what sorts behind it and is none
        number = 1;
        ++year;
    }
    const auto digits = std::to_string(year);
    return std::string(4 - digits.size(), '0') + digits + (number < 10 ? "-0" : "-") + std::to_string(number);
}

namespace {

// The lowest number among the entries whose own time is in this month. min(+seq): min(seq) would make SQLite go through the
// lines, which have to be read for their times, and not through the index, which has both.
std::int64_t lowest_seq_in(sqlite::Connection& connection, const std::string& month, std::int64_t past_end) {
    sqlite::Query query(connection, "SELECT min(+seq) FROM audit_entries WHERE timestamp >= ? AND timestamp < ?", month,
                        next_month(month));
    query.step();
    return query.is_null(0) ? past_end : std::min(query.integer(0), past_end);
}

}  // namespace

std::vector<Month> months(sqlite::Connection& connection, std::int64_t to_seq, const std::string& up_to) {
    std::vector<Month> all;
    std::string first;
    std::string latest = up_to;
    {
        sqlite::Query query(connection, "SELECT substr(timestamp, 1, 7) FROM audit_entries WHERE seq = 1");
        if (!query.step()) return all;
        first = query.text(0);
        sqlite::Query newest(connection, "SELECT substr(max(timestamp), 1, 7) FROM audit_entries");
        if (newest.step()) latest = std::max(latest, newest.text(0));
    }
    for (auto month = first; month <= latest; month = next_month(month)) {
        all.push_back({month, lowest_seq_in(connection, month, to_seq + 1), to_seq});
    }
    // Where a month begins: at the first entry of it or of a later one.
    for (std::size_t i = all.size(); i-- > 1;) {
        if (i + 1 < all.size()) all[i].first_seq = std::min(all[i].first_seq, all[i + 1].first_seq);
        all[i - 1].last_seq = all[i].first_seq - 1;
    }
    all.front().first_seq = 1;
    return all;
}

}  // namespace custody::audit
