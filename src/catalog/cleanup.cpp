// Which payloads cleanup may take, and why it must leave others.

#include "catalog/cleanup.hpp"

#include "sqlite/connection.hpp"

namespace custody::catalog {

namespace {

std::optional<std::string> dependent_in(sqlite::Connection& connection, const char* sql, const char* what, ArtifactKey key) {
    sqlite::Query found(connection, sql, key);
    if (!found.step()) return std::nullopt;
    return what + found.text(0) + " is " + found.text(1);
}

}  // namespace

std::vector<CleanupCandidate> cleanup_candidates(sqlite::Connection& connection, const Timestamp& created_before,
                                                 const std::optional<ArtifactType>& type,
                                                 const std::optional<ArtifactStatus>& status, ArtifactKey after,
                                                 std::size_t limit) {
    std::string sql =
        "SELECT artifact_key, artifact_id, artifact_type, file_name, checksum, file_size "
        "FROM artifacts INDEXED BY artifacts_present "
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

std::optional<std::string> reason_to_keep(sqlite::Connection& connection, ArtifactKey key, Dependents dependents) {
    sqlite::Query hold(connection, "SELECT 1 FROM holds WHERE artifact_key = ? AND removed_at IS NULL", key);
    if (hold.step()) return "on hold";
    sqlite::Query run(connection,
                      "SELECT r.run_id FROM run_artifacts AS ra JOIN runs AS r USING (run_key) "
                      "WHERE ra.artifact_key = ? AND r.status = 'in_progress' ORDER BY r.run_key LIMIT 1",
                      key);
    if (run.step()) return "used by unfinished run " + run.text(0);
    if (dependents == Dependents::direct) {
        return dependent_in(
            connection,
            "SELECT o.artifact_id, o.status FROM lineage_edges AS e JOIN artifacts AS o ON o.artifact_key = e.output_key "
            "WHERE e.source_key = ? AND o.status IN ('pending', 'in_progress', 'failed') ORDER BY o.artifact_key LIMIT 1",
            "dependent ", key);
    }
    if (dependents == Dependents::all) {
        // Breadth-first: the nearest that isn't finished ends it.
        return dependent_in(connection,
                            "WITH RECURSIVE descendants (artifact_key) AS ("
                            "SELECT output_key FROM lineage_edges WHERE source_key = ? UNION "
                            "SELECT e.output_key FROM descendants AS d JOIN lineage_edges AS e ON e.source_key = d.artifact_key) "
                            "SELECT o.artifact_id, o.status FROM descendants AS d CROSS JOIN artifacts AS o USING (artifact_key) "
                            "WHERE o.status IN ('pending', 'in_progress', 'failed') LIMIT 1",
                            "descendant ", key);
    }
    return std::nullopt;
}

bool is_still_candidate(sqlite::Connection& connection, ArtifactKey key, const std::optional<ArtifactStatus>& status) {
    sqlite::Query query(connection, "SELECT removed_at IS NULL, status FROM artifacts WHERE artifact_key = ?", key);
    return query.step() && query.integer(0) != 0 && (!status || query.view(1) == to_string(*status));
}

bool has_payload(sqlite::Connection& connection, ArtifactKey key) {
    sqlite::Query query(connection,
                        "SELECT 1 FROM artifacts WHERE artifact_key = ? AND checksum IS NOT NULL AND removed_at IS NULL", key);
    return query.step();
}

}  // namespace custody::catalog
