// Every other client may read, and only read.
#include <custody/artifact_manager.hpp>

#include "robustness/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

/// A store with a row in every table.
void fill(const std::filesystem::path& store) {
    ArtifactManager manager(store);
    auto run = manager.start_processing_run({{"pipeline", "guards"}});
    const auto raw = manager.create_artifact({.type = ArtifactType::video_raw, .content = "raw"});
    const auto deid =
        manager.create_artifact({.type = ArtifactType::video_deid, .content = "deid", .source_artifacts = {raw.id}});
    manager.add_hold(deid.id, "study is open");
    manager.update_artifact_status(deid.id, ArtifactStatus::failed, "codec");
    run.end();
    (void)manager.set_retention(ArtifactType::log, {.days = 30});
    // What a store gets only with a key, or with its 256th entry.
    (void)manager.audit().make_signing_key(store.parent_path() / "key");
    (void)manager.audit().seal(store.parent_path() / "key");
    for (int i = 0; i < 256; ++i) (void)manager.get_statistics();
}

Ran stock(const std::filesystem::path& store, const std::string& sql) {
    const Scratch scratch;
    return shell("sqlite3 -batch -bail " + quoted(store / "storage/catalog.db") + " < " + quoted(scratch.file("input.sql", sql)));
}

/// The forms by which SQL writes to a table, with a column of it that may be set to itself.
std::vector<std::string> forms(const std::string& table, const std::string& column) {
    const auto all = " SELECT * FROM " + table;
    return {
        "DELETE FROM " + table,
        "DELETE FROM " + table + " WHERE rowid_free = 1 OR 1",
        "UPDATE " + table + " SET " + column + " = " + column,
        "UPDATE OR REPLACE " + table + " SET " + column + " = NULL",
        "UPDATE OR IGNORE " + table + " SET " + column + " = " + column,
        "INSERT OR REPLACE INTO " + table + all,
        "REPLACE INTO " + table + all,
        "INSERT OR IGNORE INTO " + table + all,
        "INSERT INTO " + table + all + " WHERE 1 ON CONFLICT DO NOTHING",
        "INSERT INTO " + table + all + " WHERE 1 ON CONFLICT DO UPDATE SET " + column + " = excluded." + column,
        "INSERT OR ROLLBACK INTO " + table + all,
        "INSERT OR FAIL INTO " + table + all,
        "WITH x AS (SELECT 1) DELETE FROM " + table,
        "WITH x AS (SELECT 1) UPDATE " + table + " SET " + column + " = " + column,
        "DELETE FROM " + table + " RETURNING *",
        "UPDATE " + table + " SET " + column + " = " + column + " RETURNING 1",
        "UPDATE OR ROLLBACK " + table + " SET " + column + " = " + column,
        "UPDATE OR ABORT " + table + " SET " + column + " = " + column,
        "UPDATE OR FAIL " + table + " SET " + column + " = " + column,
        "UPDATE " + table + " SET " + column + " = " + column + " FROM (SELECT 1)",
        "INSERT OR ABORT INTO " + table + all,
        "WITH x AS (SELECT 1) INSERT INTO " + table + all,
        "WITH x AS (SELECT 1) REPLACE INTO " + table + all,
    };
}

struct Target {
    const char* table;
    const char* column;
};
constexpr Target targets[] = {{"store", "epoch"},
                              {"schema_migrations", "name"},
                              {"artifact_types", "sensitivity"},
                              {"payloads", "size_bytes"},
                              {"runs", "user"},
                              {"artifacts", "status"},
                              {"run_artifacts", "role"},
                              {"lineage_edges", "relationship"},
                              {"holds", "reason"},
                              {"audit_entries", "line"},
                              {"audit_openings", "text"},
                              {"artifact_counts", "artifact_count"},
                              {"payload_counts", "payload_count"},
                              {"audit_tree", "size"},
                              {"audit_tiles", "hashes"},
                              {"audit_keys", "verifier_key"},
                              {"audit_checkpoints", "note"},
                              {"audit_clock", "seen_at"},
                              {"retention_policies", "days"}};

}  // namespace

TEST_CASE("every table has a guard, and every table is in this test") {
    const Scratch scratch;
    fill(scratch / "store");
    CHECK(stock_sql(scratch / "store", "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") ==
          std::to_string(std::size(targets)));
    for (const auto& [table, column] : targets) {
        CAPTURE(table);
        CHECK(stock_sql(scratch / "store", std::string("SELECT count(*) > 0 FROM ") + table) == "1");
    }
}

TEST_CASE("the stock shell can't write to any table by any form of SQL") {
    const Scratch scratch;
    const auto store = scratch / "store";
    fill(store);
    const auto before = stock(store, ".dump").out;
    REQUIRE(contains(before, "COMMIT"));
    int tried = 0;
    for (const auto& [table, column] : targets) {
        std::string script;
        for (auto sql : forms(table, column)) {
            const auto at = sql.find("rowid_free = 1");
            if (at != std::string::npos) sql.replace(at, 14, std::string(column) + " IS NULL");
            const auto ran = stock(store, sql + ";");
            CAPTURE(sql);
            CAPTURE(ran.err);
            CHECK(ran.exit_code != 0);
            ++tried;
        }
    }
    const std::string others[] = {
        "PRAGMA foreign_keys = OFF; DELETE FROM artifacts;",
        "PRAGMA recursive_triggers = OFF; INSERT OR REPLACE INTO audit_entries (seq, line) SELECT seq, '{}' FROM audit_entries;",
        "PRAGMA ignore_check_constraints = ON; UPDATE artifacts SET status = 'x';",
        "BEGIN; DELETE FROM audit_entries WHERE seq = (SELECT max(seq) FROM audit_entries); COMMIT;",
        "INSERT INTO audit_entries (seq, line) SELECT max(seq) + 1, '{}' FROM audit_entries;",
        "INSERT INTO audit_entries (line) VALUES ('{}');",
        "INSERT INTO audit_entries (seq, line) VALUES (1000, '{}');",
        "UPDATE review_artifacts SET status = 'failed';",
        "DELETE FROM review_audit;",
        "CREATE TEMP TRIGGER t AFTER INSERT ON artifacts BEGIN SELECT 1; END; DELETE FROM artifacts;",
        "ATTACH '' AS x; DELETE FROM main.runs;",
        "SAVEPOINT s; UPDATE runs SET user = 'x'; RELEASE s;",
    };
    for (const auto& sql : others) {
        CAPTURE(sql);
        CHECK(stock(store, sql).exit_code != 0);
        ++tried;
    }
    CHECK(tried > 200);
    CHECK(stock(store, ".dump").out == before);
    check_store(store);
}

TEST_CASE("the stock shell says why it can't write") {
    const Scratch scratch;
    fill(scratch / "store");
    CHECK(contains(stock(scratch / "store", "UPDATE runs SET user = 'x';").err, "no such function: custody_writer"));
}

TEST_CASE("the stock shell reads everything, dumps it, and checks it") {
    const Scratch scratch;
    const auto store = scratch / "store";
    fill(store);
    CHECK(stock_sql(store, "PRAGMA integrity_check") == "ok");
    CHECK(stock_sql(store, "PRAGMA foreign_key_check").empty());
    const auto dump = stock(store, ".dump");
    CHECK(dump.exit_code == 0);
    CHECK_FALSE(contains(dump.out, "ERROR"));
    CHECK(stock_sql(store, "SELECT count(*) FROM review_artifacts") == "2");
    CHECK(stock_sql(store, "SELECT error_message FROM review_artifacts WHERE status = 'failed'") == "codec");
    CHECK(std::stoi(stock_sql(store, "SELECT count(*) FROM audit_entries WHERE operation = 'artifact_creation'")) == 2);
}

TEST_CASE("a guard that somebody dropped is found by the next opener") {
    const Scratch scratch;
    const auto store = scratch / "store";
    fill(store);
    REQUIRE(stock(store, "DROP TRIGGER guard_artifacts_update; UPDATE artifacts SET processing_module = 'x';").exit_code == 0);
    CHECK(contains(message_of<SchemaAltered>([&] { const ArtifactManager manager(store); }), "guard_artifacts_update"));
    ArtifactManager manager(store, {.diagnose = true});
    const auto report = manager.verify();
    CHECK_FALSE(report.ok());
    CHECK_FALSE(report.audited);
    CHECK(count_findings(report, "schema_altered") == 1);
    CHECK(count_findings(report, "row_altered") >= 1);
}
