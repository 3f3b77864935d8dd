#include "catalog/runs.hpp"

#include <custody/error.hpp>

#include "sqlite/connection.hpp"

namespace custody::catalog {

namespace {

constexpr const char* select_run =
    "SELECT run_key, run_id, status, started_at, ended_at, end_reason, configuration, user, on_behalf_of, purpose, error_message "
    "FROM runs WHERE ";

std::optional<Timestamp> optional_time(const sqlite::Query& query, int column) {
    const auto text = query.optional_text(column);
    return text ? std::optional(Timestamp::parse(*text)) : std::nullopt;
}

std::vector<ArtifactId> members(sqlite::Connection& connection, RunKey key, const char* role) {
    std::vector<ArtifactId> ids;
    sqlite::Query query(connection,
                        "SELECT a.artifact_id FROM run_artifacts AS ra JOIN artifacts AS a USING (artifact_key) "
                        "WHERE ra.run_key = ? AND ra.role = ? ORDER BY ra.artifact_key",
                        key, role);
    while (query.step()) ids.push_back(ArtifactId::parse(query.view(0)));
    return ids;
}

// What went wrong in the run: operations that failed, and artifacts and the run itself marked as failed.
std::vector<std::string> errors_of(sqlite::Connection& connection, const RunId& id) {
    std::vector<std::string> errors;
    sqlite::Query query(connection,
                        "SELECT o.text FROM audit_entries AS e JOIN audit_openings AS o ON o.seq = e.seq "
                        "AND o.pointer IN ('/error_message', '/details/error_message') "
                        "WHERE e.run_id = ? AND e.success = 0 ORDER BY e.seq, o.pointer",
                        id.str());
    while (query.step()) errors.push_back(query.text(0));
    return errors;
}

RunRecord record_of(sqlite::Connection& connection, const sqlite::Query& row) {
    const auto id = RunId::parse(row.view(1));
    const RunKey key = row.integer(0);
    return {
        .id = id,
        .status = parse_status(row.view(2)),
        .started_at = Timestamp::parse(row.view(3)),
        .ended_at = optional_time(row, 4),
        .end_reason = row.text(5),
        .configuration_text = row.optional_text(6).value_or("{}"),
        .user = row.text(7),
        .on_behalf_of = row.optional_text(8),
        .purpose = row.optional_text(9),
        .error_message = row.optional_text(10),
        .inputs = members(connection, key, "input"),
        .outputs = members(connection, key, "output"),
        .errors = errors_of(connection, id),
    };
}

}  // namespace

void insert_run(sqlite::Connection& connection, const RunRow& row) {
    std::optional<std::string> boot;
    std::optional<std::int64_t> pid_namespace;
    std::optional<std::int64_t> pid;
    std::optional<std::int64_t> ticks;
    if (row.owner) {
        boot = row.owner->boot_id;
        pid_namespace = row.owner->pid_namespace;
        pid = row.owner->pid;
        ticks = row.owner->started_ticks;
    }
    sqlite::Query(connection,
                  "INSERT INTO runs (run_id, status, started_at, user, on_behalf_of, purpose, configuration, configuration_salt, "
                  "host, boot_id, pid_namespace, pid, pid_started_ticks, expires_at) "
                  "VALUES (?, 'in_progress', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  row.id.str(), row.started_at.str(), row.user, row.on_behalf_of, row.purpose, row.configuration,
                  std::span<const std::uint8_t>(row.configuration_salt), row.host, boot, pid_namespace, pid, ticks,
                  row.expires_at ? std::optional(row.expires_at->str()) : std::nullopt)
        .run();
}

std::optional<RunKey> find_run_key(sqlite::Connection& connection, const RunId& id) {
    sqlite::Query query(connection, "SELECT run_key FROM runs WHERE run_id = ?", id.str());
    if (!query.step()) return std::nullopt;
    return query.integer(0);
}

std::optional<ArtifactStatus> run_status(sqlite::Connection& connection, RunKey key) {
    sqlite::Query query(connection, "SELECT status FROM runs WHERE run_key = ?", key);
    if (!query.step()) return std::nullopt;
    return parse_status(query.view(0));
}

void end_run(sqlite::Connection& connection, RunKey key, ArtifactStatus status, const char* end_reason, const Timestamp& ended_at,
             const std::optional<std::string>& error_message) {
    sqlite::Query(connection, "UPDATE runs SET status = ?, end_reason = ?, ended_at = ?, error_message = ? WHERE run_key = ?",
                  to_string(status), end_reason, ended_at.str(), error_message, key)
        .run();
}

std::optional<RunRecord> find_run(sqlite::Connection& connection, const RunId& id) {
    sqlite::Query query(connection, std::string(select_run) + "run_id = ?", id.str());
    if (!query.step()) return std::nullopt;
    return record_of(connection, query);
}

std::vector<RunRecord> list_runs(sqlite::Connection& connection, const RunQuery& query) {
    std::string sql = std::string(select_run) + "1";
    std::vector<std::string> texts;
    if (query.status) {
        sql += " AND status = ?";
        texts.emplace_back(to_string(*query.status));
    }
    if (query.since) {
        sql += " AND started_at >= ?";
        texts.push_back(query.since->str());
    }
    if (query.until) {
        sql += " AND started_at < ?";
        texts.push_back(query.until->str());
    }
    sql += " ORDER BY run_key DESC LIMIT ?";
    sqlite::Query rows(connection, sql);
    int index = 0;
    for (const auto& text : texts) rows.bind(++index, text);
    rows.bind(++index, sqlite::limit_or_all(query.limit));
    std::vector<RunRecord> runs;
    while (rows.step()) runs.push_back(record_of(connection, rows));
    return runs;
}

void add_output(sqlite::Connection& connection, RunKey run, ArtifactKey artifact) {
    sqlite::Query(connection, "INSERT INTO run_artifacts (run_key, role, artifact_key) VALUES (?, 'output', ?)", run, artifact)
        .run();
}

void add_input(sqlite::Connection& connection, RunKey run, ArtifactKey artifact) {
    sqlite::Query(connection,
                  "INSERT INTO run_artifacts (run_key, role, artifact_key) SELECT ?1, 'input', ?2 WHERE NOT EXISTS "
                  "(SELECT 1 FROM run_artifacts WHERE run_key = ?1 AND artifact_key = ?2)",
                  run, artifact)
        .run();
}

std::vector<OpenRun> open_runs(sqlite::Connection& connection) {
    std::vector<OpenRun> runs;
    sqlite::Query query(connection,
                        "SELECT run_key, run_id, boot_id, pid_namespace, pid, pid_started_ticks, expires_at FROM runs "
                        "WHERE status = 'in_progress' ORDER BY run_key");
    while (query.step()) {
        OpenRun run{query.integer(0), RunId::parse(query.view(1)), std::nullopt, optional_time(query, 6)};
        if (!query.is_null(4)) {
            run.owner = base::ProcessIdentity{query.text(2), query.integer(3), query.integer(4), query.integer(5)};
        }
        runs.push_back(std::move(run));
    }
    return runs;
}

RunContext run_context(sqlite::Connection& connection, RunKey key) {
    sqlite::Query query(connection, "SELECT on_behalf_of, purpose FROM runs WHERE run_key = ?", key);
    if (!query.step()) return {};
    return {query.optional_text(0), query.optional_text(1)};
}

}  // namespace custody::catalog
