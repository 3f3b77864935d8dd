#include "faults/support/state.hpp"

#include <custody/error.hpp>

#include "sqlite/connection.hpp"

namespace custody::faults {

namespace {

namespace fs = std::filesystem;

bool varies(const std::string& column) {
    for (const char* end : {"_at", "_ns", "_salt", "_id", "pid", "pid_started_ticks", "pid_namespace", "epoch", "host", "purpose",
                            "payload_root"}) {
        if (column.ends_with(end)) return true;
    }
    return false;
}

std::vector<std::string> texts(sqlite::Connection& connection, const std::string& sql) {
    std::vector<std::string> all;
    sqlite::Query query(connection, sql);
    while (query.step()) all.push_back(query.text(0));
    return all;
}

// One line a row: every column, but only whether there is anything in those that vary.
std::string rows_of(sqlite::Connection& connection, const std::string& table) {
    std::string expression;
    for (const auto& column : texts(connection, "SELECT name FROM pragma_table_info('" + table + "')")) {
        if (!expression.empty()) expression += " || ', ' || ";
        expression += varies(column) ? "CASE WHEN " + column + " IS NULL THEN 'none' ELSE 'some' END" : "quote(" + column + ")";
    }
    std::string rows;
    for (const auto& row : texts(connection, "SELECT " + expression + " AS line FROM " + table + " ORDER BY 1")) {
        rows += table + ": " + row + "\n";
    }
    return rows;
}

std::vector<State::Entry> entries_of(sqlite::Connection& connection) {
    std::vector<State::Entry> entries;
    sqlite::Query query(connection,
                        "SELECT operation, action, outcome, (SELECT group_concat(json_extract(value, '$.operation') || '/' || "
                        "json_extract(value, '$.action'), ' ') FROM json_each(line, '$.details.unrecorded')) "
                        "FROM audit_entries ORDER BY seq");
    while (query.step()) {
        const auto operation = query.text(0);
        const auto action = query.text(1);
        if (operation == "processing_run" && action == "lost") continue;  // the end of a dead process's run, by the next opener
        entries.push_back({operation, action, query.text(2), query.optional_text(3).value_or("")});
    }
    return entries;
}

std::int64_t number(sqlite::Connection& connection, const char* sql) {
    sqlite::Query query(connection, sql);
    return query.step() ? query.integer(0) : -1;
}

void check_rows(const World& world, Problems& problems) {
    const auto connection = sqlite::open_connection(world.store() / "storage/catalog.db", sqlite::Access::read_write);
    const auto expect_none = [&](const char* sql, const char* what) {
        const auto count = number(*connection, sql);
        if (count != 0) problems.push_back(std::to_string(count) + " " + what);
    };
    expect_none("SELECT count(*) - coalesce(max(seq), 0) FROM audit_entries", "entries too few or too many for their numbers");
    expect_none(
        "SELECT count(*) FROM artifacts WHERE (SELECT count(*) FROM audit_entries AS e WHERE e.artifact_id = "
        "artifacts.artifact_id AND e.operation = 'artifact_creation' AND e.action = 'create' AND e.outcome = 'done') <> 1",
        "artifacts without their one entry");
    expect_none(
        "SELECT count(*) FROM audit_entries WHERE operation = 'artifact_creation' AND outcome = 'done' AND artifact_id NOT IN "
        "(SELECT artifact_id FROM artifacts)",
        "entries of a create without their artifact");
    expect_none(
        "SELECT count(*) FROM artifacts WHERE removed_at IS NOT NULL AND (SELECT count(*) FROM audit_entries AS e WHERE "
        "e.artifact_id = artifacts.artifact_id AND e.operation = 'artifact_cleanup' AND e.outcome = 'done') <> 1",
        "removals without their one entry");
}

void check_by_manager(const World& world, Problems& problems) {
    ArtifactManager manager(world.store(), opening());
    const auto report = manager.verify();
    for (const auto& finding : report.findings) {
        if (finding.severity == Finding::Severity::error) {
            problems.push_back("verify: " + finding.kind + " " + finding.subject + ": " + finding.message);
        }
    }
    if (report.database != "ok") problems.push_back("the database: " + report.database);
    if (report.payloads_hashed != report.payloads) problems.emplace_back("payloads were not hashed");
    for (const auto& finding : manager.audit().verify({}).findings) {
        if (finding.severity == Finding::Severity::error) problems.push_back("the trail: " + finding.message);
    }
    (void)manager.create_artifact({.type = ArtifactType::log, .content = "what comes after", .metadata = {{"comes", "after"}}});
}

}  // namespace

bool is_kept_payload(const World& world, const std::string& digest) {
    for (const auto& entry : fs::directory_iterator(world.store() / "storage/trash")) {
        if (entry.path().filename().string().starts_with("moving-" + digest)) return true;
    }
    const auto connection = sqlite::open_connection(world.store() / "storage/catalog.db", sqlite::Access::read_write);
    sqlite::Query query(*connection, "SELECT 1 FROM payloads WHERE digest = ? AND state = 'present'", digest);
    return query.step();
}

State state_of(const World& world) {
    State state;
    const auto catalog = world.store() / "storage/catalog.db";
    state.there = fs::exists(catalog);
    if (!state.there) return state;
    const auto connection = sqlite::open_connection(catalog, sqlite::Access::read_write);
    state.entries = entries_of(*connection);
    for (const auto& table : texts(*connection,
                                   "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'audit_*' "
                                   "AND name NOT GLOB 'sqlite_*' ORDER BY name")) {
        state.rows += rows_of(*connection, table);
    }
    const auto elsewhere = texts(*connection, "SELECT payload_root FROM store WHERE payload_root IS NOT NULL");
    const auto root = elsewhere.empty() ? world.store() / "storage" : fs::path(elsewhere.front());
    for (const auto& entry : fs::recursive_directory_iterator(root / "blobs")) {
        if (!entry.is_directory()) state.payloads.insert(entry.path().filename().string());
    }
    return state;
}

void check_store(const World& world, Problems& problems) {
    try {
        check_by_manager(world, problems);
        check_rows(world, problems);
    } catch (const std::exception& error) {
        problems.push_back(std::string("the store can't be used: ") + error.what());
    }
}

}  // namespace custody::faults
