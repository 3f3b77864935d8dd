// The rule at the end of a zone's file, which holds for all years after its last recorded change.

#include <algorithm>
#include <cctype>

#include "original/zone.hpp"

namespace custody::original {

namespace {

using std::chrono::sys_days;
using std::chrono::weekday;
using std::chrono::year;

constexpr std::int64_t day_s = 86400;

std::int64_t days_of(sys_days date) { return date.time_since_epoch().count(); }

}  // namespace

// Reads from left to right; every function says whether there was what it is for.
class ZoneRule::Reader {
   public:
    explicit Reader(std::string_view text) : rest_(text) {}
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] char next() const { return rest_.empty() ? '\0' : rest_.front(); }
    bool take(char c) {
        if (next() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool name() {
        if (take('<')) {
            const auto end = rest_.find('>');
            if (end == std::string_view::npos) return false;
            rest_.remove_prefix(end + 1);
            return true;
        }
        std::size_t length = 0;
        while (length < rest_.size() && std::isalpha(static_cast<unsigned char>(rest_[length])) != 0) ++length;
        rest_.remove_prefix(length);
        return length >= 3;
    }
    bool number(int& value, int least, int most) {
        value = 0;
        std::size_t length = 0;
        for (; length < rest_.size() && length < 4 && rest_[length] >= '0' && rest_[length] <= '9'; ++length) {
            value = value * 10 + (rest_[length] - '0');
        }
        rest_.remove_prefix(length);
        return length != 0 && value >= least && value <= most;
    }
    /// "[+-]h[h[h]][:mm[:ss]]"
    bool time(std::int64_t& value_s) {
        const bool negative = take('-');
        if (!negative) take('+');
        int hours = 0, minutes = 0, seconds = 0;
        if (!number(hours, 0, 167)) return false;
        if (take(':') && !number(minutes, 0, 59)) return false;
        if (take(':') && !number(seconds, 0, 59)) return false;
        value_s = hours * 3600 + minutes * 60 + seconds;
        if (negative) value_s = -value_s;
        return true;
    }
    bool change(Change& change) {
        change.kind = '0';
        if (take('M')) {
            change.kind = 'M';
            if (!number(change.month, 1, 12) || !take('.') || !number(change.week, 1, 5) || !take('.') ||
                !number(change.day, 0, 6)) {
                return false;
            }
        } else {
            if (take('J')) change.kind = 'J';
            if (!number(change.day, change.kind == 'J' ? 1 : 0, 365)) return false;
        }
        return !take('/') || time(change.time_s);
    }

   private:
    std::string_view rest_;
};

std::int64_t ZoneRule::Change::in_year(int in) const {
    const year y(in);
    std::int64_t date = days_of(sys_days(y / 1 / 1)) + day;
    if (kind == 'J') {
        date -= 1;
        if (y.is_leap() && day >= 60) date += 1;
    } else if (kind == 'M') {
        const weekday wanted(static_cast<unsigned>(day));
        const auto of_month = y / std::chrono::month(static_cast<unsigned>(month));
        // The fifth is the last, also where there are four.
        const auto found =
            week == 5 ? sys_days(of_month / wanted[std::chrono::last]) : sys_days(of_month / wanted[static_cast<unsigned>(week)]);
        date = days_of(found);
    }
    return date * day_s + time_s;
}

std::optional<ZoneRule> ZoneRule::parse(std::string_view text) {
    Reader in(text);
    ZoneRule rule;
    if (!in.name() || !in.time(rule.standard_s_)) return std::nullopt;
    rule.standard_s_ = -rule.standard_s_;  // POSIX counts westward
    rule.summer_s_ = rule.standard_s_;
    if (in.at_end()) return rule;
    if (!in.name()) return std::nullopt;
    rule.summer_s_ = rule.standard_s_ + 3600;
    if (in.next() != ',') {
        if (!in.time(rule.summer_s_)) return std::nullopt;
        rule.summer_s_ = -rule.summer_s_;
    }
    Change begins{}, ends{};
    if (!in.take(',') || !in.change(begins) || !in.take(',') || !in.change(ends) || !in.at_end()) return std::nullopt;
    rule.begins_ = begins;
    rule.ends_ = ends;
    return rule;
}

std::int64_t ZoneRule::offset_at(std::int64_t utc_s) const {
    if (!begins_) return standard_s_;
    const auto local = std::chrono::sys_seconds(std::chrono::seconds(utc_s + standard_s_));
    const int in = static_cast<int>(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(local)).year());
    const auto begins = begins_->in_year(in) - standard_s_;
    const auto ends = ends_->in_year(in) - summer_s_;
    const bool summer = begins < ends ? utc_s >= begins && utc_s < ends : utc_s >= begins || utc_s < ends;
    return summer ? summer_s_ : standard_s_;
}

}  // namespace custody::original
