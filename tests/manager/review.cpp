#include <sqlite3.h>

#include <memory>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

constexpr const char* secrets[] = {"metadata-secret", "name-secret",  "error-secret", "config-secret",
                                   "hold-secret",     "query-secret", "path-secret"};

void fill_with_texts(Store& store) {
    auto run = store.manager.start_processing_run({{"note", "config-secret"}});
    const auto made = store.manager.create_artifact({.type = ArtifactType::text_raw,
                                                     .content = "text",
                                                     .file_name = "name-secret.txt",
                                                     .metadata = {{"note", "metadata-secret"}}});
    store.manager.add_hold(made.id, "hold-secret");
    store.manager.update_artifact_status(made.id, ArtifactStatus::failed, "error-secret");
    (void)store.manager.sql("SELECT 'query-secret'");
    CHECK_THROWS_AS((void)store.manager.create_artifact({.type = ArtifactType::log, .source_path = "/no/path-secret"}),
                    SourceNotFound);
    run.end(ArtifactStatus::failed, "error-secret");
}

std::string text_in(const std::filesystem::path& file, const std::string& sql) {
    sqlite3* raw = nullptr;
    REQUIRE(sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
    const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> handle(raw, sqlite3_close);
    sqlite3_stmt* statement = nullptr;
    REQUIRE(sqlite3_prepare_v2(raw, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> finalize(statement, sqlite3_finalize);
    REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
    const auto* text = sqlite3_column_text(statement, 0);
    return text == nullptr ? "" : reinterpret_cast<const char*>(text);
}

std::int64_t count_in(const std::filesystem::path& file, const std::string& sql) { return std::stoll(text_in(file, sql)); }

}  // namespace

TEST_CASE("a snapshot is one whole database, with all that is still in the WAL") {
    Store store;
    fill_with_texts(store);
    const auto output = store.scratch / "snapshot.db";
    CHECK(store.manager.snapshot(output) == output);
    CHECK(count_in(output, "SELECT count(*) FROM review_artifacts") == 1);
    CHECK(count_in(output, "SELECT count(*) FROM audit_entries") == store.entry_count() - 1);  // its own comes after
    CHECK(store.last_entry().at("details").at("last_seq") == store.entry_count() - 1);
    CHECK_FALSE(std::filesystem::exists(output.string() + "-wal"));
    const auto bytes = slurp(output);
    CHECK(bytes[18] == 1);  // no WAL to be left behind
    CHECK(bytes.find("metadata-secret") != std::string::npos);
    CHECK(std::filesystem::is_empty(store.manager.temp_folder()));
    CHECK_THROWS_AS((void)store.manager.snapshot(output), IoError);  // never overwrites
    CHECK(slurp(output) == bytes);
    CHECK_THROWS_AS((void)store.manager.snapshot({}), InvalidArgument);
    CHECK_THROWS_AS((void)store.manager.snapshot(store.scratch / "no/such/x.db"), IoError);
}

TEST_CASE("a snapshot without text has no free text in any byte of it") {
    Store store;
    fill_with_texts(store);
    const auto output = store.manager.snapshot(store.scratch / "snapshot.db", {.include_text = false});
    const auto bytes = slurp(output);
    for (const char* secret : secrets) {
        CAPTURE(std::string(secret));
        CHECK(bytes.find(secret) == std::string::npos);
    }
    CHECK(count_in(output, "SELECT count(*) FROM review_artifacts WHERE metadata = 'withdrawn'") == 1);
    CHECK(count_in(output, "SELECT count(*) FROM audit_entries") > 5);
    CHECK(store.raw().number("SELECT count(*) FROM audit_openings") > 0);  // the store itself keeps them
    CHECK(store.manager.verify().ok());
}

TEST_CASE("one SELECT answers rows and columns of every kind") {
    Store store;
    const auto answer =
        store.manager.sql("SELECT 1 AS n, 2.5 AS r, 'text' AS t, NULL AS z, x'00ff' AS b UNION ALL SELECT 2, 0, '', NULL, x''");
    CHECK(answer.columns == std::vector<std::string>{"n", "r", "t", "z", "b"});
    REQUIRE(answer.rows.size() == 2);
    CHECK(json(answer.rows[0]) == json{1, 2.5, "text", nullptr, "00ff"});
    CHECK_FALSE(answer.truncated);
    const auto cut = store.manager.sql("SELECT value FROM json_each('[1,2,3,4]')", {.max_rows = 3});
    CHECK(cut.rows.size() == 3);
    CHECK(cut.truncated);
    CHECK(store.manager.sql("WITH t(x) AS (VALUES (1)) SELECT x FROM t; -- done").rows.size() == 1);
    CHECK(store.last_entry().at("details").at("row_count") == 1);
    CHECK(store.last_entry().at("details").at("query").get<std::string>().rfind("sha256:", 0) == 0);
}

TEST_CASE("hostile statements are refused, change nothing and leave their entry") {
    Store store;
    (void)store.add(ArtifactType::log, "log");
    const std::vector<std::string> hostile = {
        "DELETE FROM artifacts",
        "UPDATE artifacts SET status = 'failed'",
        "INSERT INTO audit_entries (seq, line) VALUES (3, '{}')",
        "DROP TABLE artifacts",
        "CREATE TEMP TABLE t (x)",
        "ATTACH '" + (store.scratch / "x.db").string() + "' AS x",
        "VACUUM INTO '" + (store.scratch / "x.db").string() + "'",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "PRAGMA user_version = 99",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "SELECT load_extension('x')",
        "SELECT custody_writer() FROM (SELECT writefile('x', 'y'))",
        "SELECT 1; DELETE FROM artifacts",
        "SELECT 1; SELECT 2",
        "BEGIN IMMEDIATE",
        "COMMIT",
        "",
        "   -- nothing",
        "no SQL at all",
        std::string("SELECT 1\0; DELETE", 17),
        "SELECT '\xff'",
        "SELECT zeroblob(1000000000)",
        "WITH d AS (DELETE FROM artifacts RETURNING *) SELECT * FROM d",
        "REPLACE INTO artifacts DEFAULT VALUES",
        "EXPLAIN DELETE FROM artifacts",
        "ANALYZE",
        "REINDEX",
    };
    for (const auto& query : hostile) {
        CAPTURE(query);
        const Trace before(store);
        CHECK_THROWS_AS((void)store.manager.sql(query), InvalidArgument);
        before.check_unchanged();
        CHECK(store.last_entry().at("operation") == "sql");
        CHECK(store.last_entry().at("outcome") == "refused");
    }
    CHECK_FALSE(std::filesystem::exists(store.scratch / "x.db"));
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("a query that takes too long is stopped") {
    Store store;
    const std::string endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    const auto begin = std::chrono::steady_clock::now();
    const auto said =
        message_of<InvalidArgument>([&] { (void)store.manager.sql(endless, {.time_limit = std::chrono::milliseconds(50)}); });
    CHECK(said.find("50 ms") != std::string::npos);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
    CHECK_THROWS_AS((void)store.manager.sql("SELECT 1", {.time_limit = std::chrono::milliseconds(0)}), InvalidArgument);
}

TEST_CASE("with a signing key a snapshot has the checkpoint that it equals, and so has the store") {
    Store store;
    fill_with_texts(store);
    const auto key = store.scratch / "key";
    (void)store.manager.audit().make_signing_key(key);
    for (const bool include_text : {true, false}) {
        CAPTURE(include_text);
        const auto output = store.scratch / (include_text ? "whole.db" : "without.db");
        (void)store.manager.snapshot(output, {.include_text = include_text, .signing_key = key});
        CHECK(store.last_entry().at("details").at("sealed") == true);
        const auto note = text_in(output, "SELECT note FROM audit_checkpoints JOIN audit_tree USING (size)");
        CHECK(note.starts_with("custody/"));
        // Somebody else's anchor by now: the store is held against it.
        const auto anchor = store.scratch.file("anchor", note);
        const auto report = store.manager.audit().verify({.anchor = anchor});
        CHECK(report.ok());
        CHECK(report.sealed_entries ==
              static_cast<std::uint64_t>(store.entry_count() - 2));  // before its own entry and the check's
        CHECK(store.manager.verify().ok());
    }
    (void)store.manager.snapshot(store.scratch / "unsigned.db");
    CHECK(store.last_entry().at("details").at("sealed") == false);
    // A key of nobody's.
    Store other;
    (void)other.manager.audit().make_signing_key(store.scratch / "other-key");
    const auto refused = store.scratch / "refused.db";
    CHECK_THROWS_AS((void)store.manager.snapshot(refused, {.signing_key = store.scratch / "other-key"}), InvalidArgument);
    CHECK_FALSE(std::filesystem::exists(refused));
}
