// Lists of artifacts: newest first, by key, which never changes, so a page can begin where the last one ended.

#include <algorithm>
#include <custody/error.hpp>

#include "catalog/artifacts.hpp"
#include "catalog/runs.hpp"
#include "catalog/types.hpp"
#include "sqlite/connection.hpp"

namespace custody::catalog {

namespace {

// The keys that match, newest first, for one combination of type and status. Both together are an index prefix, so each
// combination is read in order from the index and stops at the limit; a filter on one of the two alone would sort everything.
std::vector<ArtifactKey> matching_keys(sqlite::Connection& connection, const ArtifactQuery& query, ArtifactKey before,
                                       const std::optional<RunKey>& run, const std::string& type, const std::string& status) {
    std::string sql = run ? "SELECT a.artifact_key FROM run_artifacts AS ra CROSS JOIN artifacts AS a USING (artifact_key) "
                            "WHERE ra.run_key = ? AND ra.role = 'output' AND ra.artifact_key < ?"
                          : "SELECT a.artifact_key FROM artifacts AS a WHERE a.artifact_key < ?";
    std::vector<std::string> texts;
    const auto filter = [&](const char* condition, const std::string& value) {
        if (value.empty()) return;
        sql += std::string(" AND ") + condition;
        texts.push_back(value);
    };
    filter("a.artifact_type = ?", type);
    filter("a.status = ?", status);
    filter("a.processing_module = ?", query.processing_module);
    if (query.since) filter("a.created_at >= ?", query.since->str());
    if (query.until) filter("a.created_at < ?", query.until->str());
    sql += run ? " ORDER BY ra.artifact_key DESC" : " ORDER BY a.artifact_key DESC";
    sql += " LIMIT ?";  // bound, so that one statement serves all limits

    sqlite::Query rows(connection, sql);
    int index = 0;
    if (run) rows.bind(++index, *run);
    rows.bind(++index, before);
    for (const auto& text : texts) rows.bind(++index, text);
    rows.bind(++index, sqlite::limit_or_all(query.limit));
    std::vector<ArtifactKey> keys;
    while (rows.step()) keys.push_back(rows.integer(0));
    return keys;
}

std::vector<std::string> names_of_types(sqlite::Connection& connection) {
    std::vector<std::string> names;
    for (const auto& info : list_types(connection)) names.push_back(info.type.str());
    return names;
}

}  // namespace

std::vector<Artifact> list_artifacts(sqlite::Connection& connection, const ArtifactQuery& query) {
    ArtifactKey before = std::numeric_limits<ArtifactKey>::max();
    if (query.after) {
        const auto key = find_key(connection, *query.after);
        if (!key) throw NotFound("there is no artifact " + query.after->str() + " to go on after");
        before = *key;
    }
    std::optional<RunKey> run;
    if (query.run) {
        run = find_run_key(connection, *query.run);
        if (!run) throw NotFound("there is no run " + query.run->str());
    }
    std::vector<std::string> types{query.type ? query.type->str() : std::string()};
    std::vector<std::string> statuses{query.status ? std::string(to_string(*query.status)) : std::string()};
    const bool by_index = query.limit != 0 && !run && (query.type || query.status);
    if (by_index && !query.type) types = names_of_types(connection);
    if (by_index && !query.status) statuses = {"pending", "in_progress", "completed", "failed", "archived"};

    std::vector<ArtifactKey> keys;
    for (const auto& type : types) {
        for (const auto& status : statuses) {
            const auto some = matching_keys(connection, query, before, run, type, status);
            keys.insert(keys.end(), some.begin(), some.end());
        }
    }
    std::sort(keys.begin(), keys.end(), std::greater<>());
    if (query.limit != 0 && keys.size() > query.limit) keys.resize(query.limit);
    std::vector<Artifact> artifacts;
    artifacts.reserve(keys.size());
    for (const auto key : keys) artifacts.push_back(load_artifact(connection, key));
    return artifacts;
}

}  // namespace custody::catalog
