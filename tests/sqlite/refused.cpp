// Databases that are not to be written to: not ours, damaged, newer, altered. None of them changes by a byte.
#include <algorithm>
#include <custody/error.hpp>

#include "sqlite/migrations.hpp"
#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

/// A file at the database's place, made by `make`; nothing of ours beside it.
struct Candidate {
    Scratch scratch;
    fs::path file = scratch / "catalog.db";

    /// Opens it, expects an exception of type E, and that no byte and no file beside it changed. Answers the message.
    template <class E>
    std::string refused() const {
        const auto bytes = slurp(file);
        const auto message =
            message_of<E>([&] { const sqlite::Database database(file, scratch / "queue/none", sqlite::DatabaseOptions{}); });
        CHECK(slurp(file) == bytes);
        CHECK(contains(message, file.string()));
        return message;
    }
    [[nodiscard]] bool alone() const {
        return !fs::exists(file.string() + "-wal") && !fs::exists(file.string() + "-shm") &&
               !fs::exists(file.string() + "-journal");
    }
};

void copy_database_of(const TestDatabase& test, const fs::path& to) {
    { const auto database = test.open(); }
    fs::copy_file(test.file, to, fs::copy_options::overwrite_existing);
}

}  // namespace

TEST_CASE("a database of another program is refused and not touched") {
    const Candidate candidate;
    const std::string ids[] = {"0", "1", "1667593076"};
    for (const auto& id : ids) {
        for (const std::string journal : {"DELETE", "WAL"}) {
            fs::remove(candidate.file);
            REQUIRE(stock_shell(candidate.file, "PRAGMA journal_mode = " + journal +
                                                    "; CREATE TABLE t (a); INSERT INTO t VALUES (1);" +
                                                    "PRAGMA application_id = " + id + "; PRAGMA user_version = 3;")
                        .exit_code == 0);
            const auto message = candidate.refused<Error>();
            CHECK(contains(message, "another program"));
            CHECK(contains(message, "not touched"));
            CHECK(candidate.alone());
        }
    }
}

TEST_CASE("what is no database is refused and not touched") {
    const Candidate candidate;
    for (const std::string& content : {std::string(5000, 'x'), std::string("SQLite format 2") + std::string(5000, '\0'),
                                       std::string(100, '\0'), std::string("{\"json\": true}") + std::string(200, ' ')}) {
        candidate.scratch.file("catalog.db", content);
        CHECK(contains(candidate.refused<Error>(), "no SQLite database"));
        CHECK(candidate.alone());
    }
}

TEST_CASE("an empty file and a header alone are cut short") {
    const Candidate candidate;
    for (const std::size_t size : {0U, 1U, 16U, 99U}) {
        candidate.scratch.file("catalog.db", std::string("SQLite format 3\0", 16).append(84, '\0').substr(0, size));
        CHECK(contains(candidate.refused<Corruption>(), "cut short"));
        CHECK(candidate.alone());
    }
}

TEST_CASE("a database cut at any 512 bytes is refused as damaged, and no byte of it changes") {
    const TestDatabase test;
    write_type(*test.open(), "x");
    const Candidate candidate;
    copy_database_of(test, candidate.file);
    const auto whole = slurp(candidate.file);
    for (std::size_t size = 512; size < whole.size(); size += 512) {
        if (whole.find_first_not_of('\0', size) == std::string::npos) break;  // read as zeros, which is what was there
        CAPTURE(size);
        fs::remove(candidate.file.string() + "-wal");
        fs::remove(candidate.file.string() + "-shm");
        candidate.scratch.file("catalog.db", whole.substr(0, size));
        const auto message = message_of<Error>([&] {
            const sqlite::Database database(candidate.file, candidate.scratch / "queue/none", sqlite::DatabaseOptions{});
        });
        CHECK(slurp(candidate.file) == whole.substr(0, size));
        CAPTURE(message);
        CHECK((contains(message, "damaged") || contains(message, "cut short") || contains(message, "altered")));
        CHECK(contains(message, "backup"));
    }
}

TEST_CASE("a database of a newer version is refused with what to do") {
    const TestDatabase test;
    const Candidate candidate;
    copy_database_of(test, candidate.file);
    REQUIRE(stock_shell(candidate.file,
                        "DROP TRIGGER guard_schema_migrations_insert; INSERT INTO schema_migrations (version, name, sha256, "
                        "applied_at) SELECT 999, 'later', sha256, applied_at FROM schema_migrations WHERE version = 1; "
                        "PRAGMA user_version = 999;")
                .exit_code == 0);
    const auto message = candidate.refused<VersionMismatch>();
    CHECK(contains(message, "999"));
    CHECK(contains(message, "use a newer custody"));
}

TEST_CASE("a version that no migration has set is an alteration, whatever its number") {
    const TestDatabase test;
    const Candidate candidate;
    for (const int version : {999, sqlite::newest_version() + 1, sqlite::newest_version() - 1, 1, 0, -5}) {
        copy_database_of(test, candidate.file);
        REQUIRE(stock_shell(candidate.file, "PRAGMA user_version = " + std::to_string(version) + ";").exit_code == 0);
        const auto message = candidate.refused<SchemaAltered>();
        CHECK(contains(message, "altered user_version " + std::to_string(version)));
        CHECK(contains(message, "the last migration is " + std::to_string(sqlite::newest_version())));
    }
}

TEST_CASE("a database of ours without a version is refused") {
    const TestDatabase test;
    const Candidate candidate;
    const std::string newest = std::to_string(sqlite::newest_version());
    for (const std::string& migrations :
         {std::string("DROP TABLE schema_migrations"),
          "DROP TABLE schema_migrations; CREATE TABLE schema_migrations (version); INSERT INTO schema_migrations VALUES (" +
              newest + ")"}) {
        copy_database_of(test, candidate.file);
        REQUIRE(stock_shell(candidate.file, migrations + "; PRAGMA user_version = 0;").exit_code == 0);
        candidate.refused<Corruption>();
        REQUIRE(stock_shell(candidate.file, "PRAGMA user_version = 99;").exit_code == 0);
        candidate.refused<VersionMismatch>();
    }
}

TEST_CASE("an altered schema is refused, and what is different is named") {
    struct Alteration {
        const char* sql;
        const char* named;
    };
    const Alteration alterations[] = {
        {"DROP TRIGGER guard_runs_insert", "missing trigger guard_runs_insert"},
        {"DROP TRIGGER audit_entries_no_delete", "missing trigger audit_entries_no_delete"},
        {"DROP VIEW review_errors", "missing view review_errors"},
        {"DROP INDEX artifacts_created_at", "missing index artifacts_created_at"},
        {"DROP TABLE holds", "missing table holds"},
        {"CREATE TABLE mine (a)", "foreign table mine"},
        {"CREATE VIEW mine AS SELECT 1", "foreign view mine"},
        {"CREATE INDEX mine ON runs (user)", "foreign index mine"},
        {"CREATE TRIGGER mine AFTER INSERT ON runs BEGIN SELECT 1; END", "foreign trigger mine"},
        {"ALTER TABLE artifacts ADD COLUMN extra TEXT", "altered table artifacts"},
        {"DROP VIEW review_holds; CREATE VIEW review_holds AS SELECT 1", "altered view review_holds"},
        {"DROP TRIGGER audit_entries_no_update; CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries "
         "BEGIN SELECT 1; END",
         "altered trigger audit_entries_no_update"},
        {"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'never', 'seldom') "
         "WHERE name = 'artifacts_no_delete'",
         "altered trigger artifacts_no_delete"},
    };
    for (const auto& [sql, named] : alterations) {
        CAPTURE(sql);
        const TestDatabase test;
        const Candidate candidate;
        copy_database_of(test, candidate.file);
        const auto ran = stock_shell(candidate.file, std::string(".dbconfig defensive off\n") + sql + ";");
        CAPTURE(ran.err);
        REQUIRE(ran.exit_code == 0);
        const auto message = candidate.refused<SchemaAltered>();
        CHECK(contains(message, named));
        CHECK(contains(message, "custody verify"));

        const auto bytes = slurp(candidate.file);
        sqlite::Database looked(candidate.file, candidate.scratch / "queue/none", sqlite::DatabaseOptions{.diagnose = true});
        const auto& found = looked.schema_differences();  // with a table its index and guards went too
        CHECK(std::find(found.begin(), found.end(), named) != found.end());
        CHECK((found.size() == 1 || contains(sql, "DROP TABLE")));
        CHECK_FALSE(looked.writable());
        CHECK_THROWS_AS(write_type(looked, "x"), IoError);
        CHECK_NOTHROW(count_types(looked));
        CHECK(slurp(candidate.file) == bytes);
    }
}

TEST_CASE("statistics of ANALYZE are no alteration") {
    const TestDatabase test;
    REQUIRE(stock_shell(test.file, "ANALYZE;").exit_code == 0);
    CHECK_NOTHROW(test.open());
}
