#include "catalog/retention.hpp"

#include "sqlite/connection.hpp"

namespace custody::catalog {

namespace {

RetentionRow row_of(const sqlite::Query& query) {
    return {ArtifactType(query.view(0)), static_cast<int>(query.integer(1)), query.integer(2) != 0, query.integer(3)};
}

}  // namespace

std::optional<RetentionRow> find_retention(sqlite::Connection& connection, const ArtifactType& type) {
    sqlite::Query query(connection,
                        "SELECT artifact_type, days, when_descendants_completed, seq FROM retention_policies "
                        "WHERE artifact_type = ?",
                        type.name());
    if (!query.step()) return std::nullopt;
    return row_of(query);
}

void put_retention(sqlite::Connection& connection, const RetentionRow& policy) {
    sqlite::Query(connection,
                  "INSERT INTO retention_policies (artifact_type, days, when_descendants_completed, seq) VALUES (?, ?, ?, ?) "
                  "ON CONFLICT (artifact_type) DO UPDATE SET days = excluded.days, "
                  "when_descendants_completed = excluded.when_descendants_completed, seq = excluded.seq",
                  policy.type.name(), static_cast<std::int64_t>(policy.days),
                  static_cast<std::int64_t>(policy.when_descendants_completed), policy.seq)
        .run();
}

void delete_retention(sqlite::Connection& connection, const ArtifactType& type) {
    sqlite::Query(connection, "DELETE FROM retention_policies WHERE artifact_type = ?", type.name()).run();
}

std::vector<RetentionRow> list_retention(sqlite::Connection& connection) {
    std::vector<RetentionRow> policies;
    sqlite::Query query(connection,
                        "SELECT artifact_type, days, when_descendants_completed, seq FROM retention_policies "
                        "ORDER BY artifact_type");
    while (query.step()) policies.push_back(row_of(query));
    return policies;
}

std::vector<RetentionPolicy> described_retention(sqlite::Connection& connection) {
    std::vector<RetentionPolicy> policies;
    sqlite::Query query(connection,
                        "SELECT artifact_type, days, when_descendants_completed, reason, set_by, set_at FROM review_retention "
                        "ORDER BY artifact_type");
    while (query.step()) {
        policies.push_back({ArtifactType(query.view(0)), static_cast<int>(query.integer(1)), query.integer(2) != 0,
                            query.optional_text(3).value_or(""), query.text(4), Timestamp::parse(query.view(5))});
    }
    return policies;
}

}  // namespace custody::catalog
