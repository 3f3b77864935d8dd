#include "sqlite/reviewer_query.hpp"

#include <chrono>
#include <custody/error.hpp>

#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
using namespace std::chrono_literals;

TEST_CASE("a reviewer's SELECT answers columns and typed cells") {
    const TestDatabase test;
    const auto result = sqlite::run_reviewer_query(
        test.file, "SELECT 1 AS one, 1.5 AS real, 'text' AS text, x'00ff' AS blob, NULL AS none, count(*) FROM artifact_types",
        {});
    CHECK(result.columns == std::vector<std::string>{"one", "real", "text", "blob", "none", "count(*)"});
    REQUIRE(result.rows.size() == 1);
    CHECK(result.rows[0] == std::vector<json>{1, 1.5, "text", "00ff", nullptr, 11});
    CHECK_FALSE(result.truncated);
}

TEST_CASE("every view and table can be asked, and common table expressions work") {
    const TestDatabase test;
    for (const char* name :
         {"review_artifacts", "review_runs", "review_lineage", "review_audit", "review_access", "review_releases",
          "review_removals", "review_holds", "review_errors", "artifacts", "artifact_types", "payloads", "runs", "run_artifacts",
          "lineage_edges", "holds", "audit_entries", "audit_openings", "schema_migrations"}) {
        CHECK_NOTHROW(sqlite::run_reviewer_query(test.file, std::string("SELECT * FROM ") + name, {}));
    }
    CHECK(sqlite::run_reviewer_query(
              test.file, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n;", {})
              .rows.size() == 5);
    CHECK_NOTHROW(sqlite::run_reviewer_query(test.file, "PRAGMA table_info(artifacts)", {}));
    CHECK_NOTHROW(sqlite::run_reviewer_query(test.file, "EXPLAIN QUERY PLAN SELECT * FROM review_artifacts", {}));
}

TEST_CASE("anything but one SELECT is refused and changes nothing") {
    const TestDatabase test;
    const auto database = test.open();
    const auto before = test.files();
    const std::string outside = (test.scratch / "outside.db").string();
    for (const std::string& query : {
             std::string("INSERT INTO artifact_types VALUES ('x', 'neutral', 0)"),
             std::string("DELETE FROM artifact_types"),
             std::string("UPDATE store SET epoch = 'x'"),
             std::string("REPLACE INTO artifact_types VALUES ('log', 'neutral', 0)"),
             std::string("INSERT INTO artifact_types VALUES ('x', 'neutral', 0) RETURNING artifact_type"),
             std::string("WITH x AS (SELECT 1) DELETE FROM runs"),
             std::string("DROP TABLE runs"),
             std::string("CREATE TABLE x (a)"),
             std::string("CREATE TEMP TABLE x (a)"),
             std::string("ALTER TABLE runs ADD COLUMN x"),
             "ATTACH '" + outside + "' AS other",
             "VACUUM INTO '" + outside + "'",
             std::string("VACUUM"),
             std::string("ANALYZE"),
             std::string("REINDEX"),
             std::string("PRAGMA user_version = 7"),
             std::string("PRAGMA journal_mode = DELETE"),
             std::string("PRAGMA query_only = OFF"),
             std::string("PRAGMA wal_checkpoint(TRUNCATE)"),
             std::string("PRAGMA writable_schema = ON"),
             std::string("BEGIN IMMEDIATE"),
             std::string("SAVEPOINT x"),
             std::string("SELECT load_extension('x')"),
             std::string("SELECT 1; DELETE FROM artifact_types"),
             std::string("SELECT 1; SELECT 2"),
             std::string("SELECT writefile('x', 'y')"),
             std::string("SELECT readfile('/etc/passwd')"),
             std::string("SELECT edit('x')"),
             std::string("SELEC 1"),
             std::string("SELECT * FROM missing"),
             std::string(""),
             std::string("  -- nothing\n"),
             std::string("SELECT 1\0; DELETE FROM runs", 27),
         }) {
        CAPTURE(query);
        CHECK_THROWS_AS(sqlite::run_reviewer_query(test.file, query, {}), InvalidArgument);
    }
    CHECK(test.files() == before);
    CHECK_FALSE(std::filesystem::exists(outside));
}

TEST_CASE("a query that takes too long is ended, whatever limit is given") {
    const TestDatabase test;
    const std::string endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    const auto start = std::chrono::steady_clock::now();
    const auto message =
        message_of<InvalidArgument>([&] { (void)sqlite::run_reviewer_query(test.file, endless, {.time_limit = 100ms}); });
    CHECK(contains(message, "100 ms"));
    CHECK(std::chrono::steady_clock::now() - start < 3s);
    int calls = 0;
    const Progress stop = [&](std::uint64_t rows, std::uint64_t total) {
        CHECK(rows + total == 0);
        if (++calls == 3) throw IoError("interrupted", 4);
    };
    CHECK_THROWS_AS((void)sqlite::run_reviewer_query(test.file, endless, {.time_limit = 100s, .progress = stop}), IoError);
    CHECK(calls == 3);
    CHECK(sqlite::run_reviewer_query(test.file, "SELECT 1", {.time_limit = std::chrono::milliseconds::max()}).rows.size() == 1);
}

TEST_CASE("rows past the limit are left out and that is said") {
    const TestDatabase test;
    const std::string query = "SELECT artifact_type FROM artifact_types";
    const auto some = sqlite::run_reviewer_query(test.file, query, {.max_rows = 3});
    CHECK(some.rows.size() == 3);
    CHECK(some.truncated);
    CHECK_FALSE(sqlite::run_reviewer_query(test.file, query, {.max_rows = 11}).truncated);
}

TEST_CASE("a query can't eat all memory by one value") {
    const TestDatabase test;
    CHECK_THROWS_AS(sqlite::run_reviewer_query(test.file, "SELECT length(zeroblob(1000000000))", {}), InvalidArgument);
    CHECK_THROWS_AS(sqlite::run_reviewer_query(test.file, "SELECT hex(zeroblob(60000000))", {}), InvalidArgument);
}

TEST_CASE("a query with a parameter is refused: without a value it would find nothing") {
    const TestDatabase test;
    for (const std::string parameter : {":artifact_id", "?", "@a", "$a", "?5"}) {
        CAPTURE(parameter);
        try {
            (void)sqlite::run_reviewer_query(test.file, "SELECT * FROM artifacts WHERE artifact_id = " + parameter, {});
            FAIL("nothing was thrown");
        } catch (const InvalidArgument& error) {
            CHECK(std::string(error.what()).find(parameter) != std::string::npos);
        }
    }
}
