// Which payloads cleanup may take, and why it must leave others.

#include "catalog/artifacts.hpp"
#include "sqlite/connection.hpp"

namespace custody::catalog {

std::vector<CleanupCandidate> cleanup_candidates(sqlite::Connection& connection, const Timestamp& created_before,
                                                 const std::optional<ArtifactType>& type,
                                                 const std::optional<ArtifactStatus>& status, ArtifactKey after,
                                                 std::size_t limit) {
    std::string sql =
        "SELECT artifact_key, artifact_id, artifact_type, file_name, checksum, file_size FROM artifacts "
        "WHERE artifact_key > ? AND created_at <= ? AND checksum IS NOT NULL AND removed_at IS NULL";
    if (type) sql += " AND artifact_type = ?";
    if (status) sql += " AND status = ?";
    sqlite::Query query(connection, sql + " ORDER BY artifact_key LIMIT " + std::to_string(limit), after, created_before.str());
    int index = 2;
    if (type) query.bind(++index, type->name());
    if (status) query.bind(++index, to_string(*status));
    std::vector<CleanupCandidate> candidates;
    while (query.step()) {
        candidates.push_back({query.integer(0), ArtifactId::parse(query.view(1)), ArtifactType(query.view(2)), query.text(3),
                              Digest::parse(query.view(4)), static_cast<std::uint64_t>(query.integer(5))});
    }
    return candidates;
}

std::optional<std::string> reason_to_keep(sqlite::Connection& connection, ArtifactKey key) {
    sqlite::Query hold(connection, "SELECT 1 FROM holds WHERE artifact_key = ? AND removed_at IS NULL", key);
    if (hold.step()) return "on hold";
    sqlite::Query run(connection,
                      "SELECT r.run_id FROM run_artifacts AS ra JOIN runs AS r USING (run_key) "
                      "WHERE ra.artifact_key = ? AND r.status = 'in_progress' ORDER BY r.run_key LIMIT 1",
                      key);
    if (run.step()) return "used by unfinished run " + run.text(0);
    sqlite::Query dependent(
        connection,
        "SELECT o.artifact_id, o.status FROM lineage_edges AS e JOIN artifacts AS o ON o.artifact_key = e.output_key "
        "WHERE e.source_key = ? AND o.status IN ('pending', 'in_progress', 'failed') ORDER BY o.artifact_key LIMIT 1",
        key);
    if (dependent.step()) return "dependent " + dependent.text(0) + " is " + dependent.text(1);
    return std::nullopt;
}

}  // namespace custody::catalog
