#include "catalog/holds.hpp"

#include "sqlite/connection.hpp"

namespace custody::catalog {

std::int64_t insert_hold(sqlite::Connection& connection, ArtifactKey artifact, const std::string& reason,
                         const std::string& placed_by, const Timestamp& placed_at) {
    sqlite::Query query(connection,
                        "INSERT INTO holds (artifact_key, reason, placed_by, placed_at) VALUES (?, ?, ?, ?) RETURNING hold_id",
                        artifact, reason, placed_by, placed_at.str());
    query.step();
    return query.integer(0);
}

std::vector<std::int64_t> lift_holds(sqlite::Connection& connection, ArtifactKey artifact,
                                     const std::optional<std::int64_t>& hold_id, const std::string& removed_by,
                                     const Timestamp& removed_at) {
    std::vector<std::int64_t> lifted;
    sqlite::Query query(connection,
                        "UPDATE holds SET removed_by = ?, removed_at = ? WHERE artifact_key = ? AND removed_at IS NULL "
                        "AND hold_id = coalesce(?, hold_id) RETURNING hold_id",
                        removed_by, removed_at.str(), artifact, hold_id);
    while (query.step()) lifted.push_back(query.integer(0));
    return lifted;
}

std::vector<Hold> active_holds(sqlite::Connection& connection) {
    std::vector<Hold> holds;
    sqlite::Query query(connection,
                        "SELECT h.hold_id, a.artifact_id, h.reason, h.placed_by, h.placed_at FROM holds AS h "
                        "JOIN artifacts AS a USING (artifact_key) WHERE h.removed_at IS NULL ORDER BY h.hold_id");
    while (query.step()) {
        holds.push_back(
            {query.integer(0), ArtifactId::parse(query.view(1)), query.text(2), query.text(3), Timestamp::parse(query.view(4))});
    }
    return holds;
}

}  // namespace custody::catalog
