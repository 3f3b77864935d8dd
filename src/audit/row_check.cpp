#include "audit/row_check.hpp"

#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

std::string shown(const std::optional<std::string>& value) { return value ? '"' + *value + '"' : std::string("null"); }

}  // namespace

void RowDifference::expect(const char* column, const std::optional<std::string>& row, const std::optional<std::string>& trail) {
    if (row != trail) altered(std::string(column) + " is " + shown(row) + ", the trail says " + shown(trail));
}

std::optional<std::string> opened_text(sqlite::Connection& connection, std::int64_t seq, const char* pointer) {
    if (seq == 0) return std::nullopt;
    sqlite::Query query(connection, "SELECT text FROM audit_openings WHERE seq = ? AND pointer = ?", seq, pointer);
    if (!query.step()) return std::nullopt;
    return query.text(0);
}

void expect_kept(RowDifference& row, const char* column, bool has_text, bool has_salt, bool was_given, bool was_withdrawn) {
    if (has_text != has_salt) {
        row.altered(std::string(column) + (has_text ? " has lost its salt" : " is gone, but its salt is there"));
    } else if (has_text && !was_given) {
        row.altered(std::string(column) + " is there, and the trail says that there was none");
    } else if (has_text && was_withdrawn) {
        row.altered(std::string(column) + " is there, and the trail says that it was withdrawn");
    } else if (!has_text && was_given && !was_withdrawn) {
        row.altered(std::string(column) + " is gone, and no entry says that it was withdrawn");
    }
}

json line_at(sqlite::Connection& connection, std::int64_t seq) {
    sqlite::Query query(connection, "SELECT line FROM audit_entries WHERE seq = ?", seq);
    if (!query.step()) return nullptr;
    auto line = json::parse(query.view(0), nullptr, false);
    return line.is_object() ? line : json(nullptr);
}

void check_rows(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    for (const auto& [seq, message] : replay.contradictions) {
        complain("trail_contradiction", "audit entry " + std::to_string(seq), "it doesn't fit the entries before it: " + message);
    }
    check_artifact_rows(connection, replay, complain);
    check_run_rows(connection, replay, complain);
    check_relation_rows(connection, replay, complain);
    check_store_rows(connection, replay, complain);
}

}  // namespace custody::audit
