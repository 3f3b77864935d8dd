#include "sqlite/migrations.hpp"

#include <custody/error.hpp>
#include <fstream>
#include <sstream>

#include "base/hex.hpp"
#include "base/sha256.hpp"
#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

std::string schema_of(const fs::path& file) {
    return stock_shell(file,
                       "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name; SELECT version, name, sha256 FROM "
                       "schema_migrations;")
        .out;
}

/// What upgrades kept of the databases before them.
std::vector<fs::path> copies_in(const fs::path& folder) {
    std::vector<fs::path> copies;
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().filename().string().starts_with("catalog.db.v1")) copies.push_back(entry.path());
    }
    return copies;
}

int version_of(sqlite::Connection& connection) {
    sqlite::Query query(connection, "PRAGMA user_version");
    query.step();
    return static_cast<int>(query.integer(0));
}

}  // namespace

TEST_CASE("a store that took every step has the schema of a new one") {
    const TestDatabase fresh;
    for (int version = 1; version <= sqlite::newest_version(); ++version) {
        CAPTURE(version);
        const Scratch scratch;
        const auto connection = at_version(scratch / "old.db", version);
        CHECK(sqlite::schema_differences(*connection, version).empty());
        CHECK(sqlite::migrate(*connection) == sqlite::newest_version() - version);
        CHECK(sqlite::migrate(*connection) == 0);
        CHECK(version_of(*connection) == sqlite::newest_version());
        CHECK(sqlite::schema_differences(*connection, sqlite::newest_version()).empty());
        CHECK(schema_of(scratch / "old.db") == schema_of(fresh.file));
    }
}

TEST_CASE("a migration that fails half way leaves the version before it, whole") {
    REQUIRE(sqlite::newest_version() >= 2);
    const Scratch scratch;
    const auto connection = at_version(scratch / "old.db", 1);
    // In the way of one of the last statements of the second migration.
    connection->execute("CREATE TRIGGER runs_no_delete AFTER INSERT ON runs BEGIN SELECT 1; END");
    const auto before = schema_of(scratch / "old.db");
    CHECK_THROWS_AS(sqlite::migrate(*connection), Error);
    CHECK(connection->in_autocommit());
    CHECK(version_of(*connection) == 1);
    CHECK(schema_of(scratch / "old.db") == before);
    connection->execute("DROP TRIGGER runs_no_delete");
    CHECK(sqlite::migrate(*connection) == sqlite::newest_version() - 1);
}

TEST_CASE("an older store is refused with the command that upgrades it, and upgraded when told to") {
    const Scratch scratch;
    const auto file = scratch / "catalog.db";
    at_version(file, 1).reset();
    const auto message =
        message_of<VersionMismatch>([&] { const sqlite::Database database(file, scratch / "queue", sqlite::DatabaseOptions{}); });
    CHECK(contains(message, "custody migrate"));
    { CHECK(version_of(*sqlite::open_connection(file, sqlite::Access::read_write)) == 1); }
    {
        sqlite::Database upgraded(file, scratch / "queue", sqlite::DatabaseOptions{.upgrade = true});
        CHECK(upgraded.version() == sqlite::newest_version());
        write_type(upgraded, "x");
    }
    const auto copies = copies_in(scratch.path());
    REQUIRE(copies.size() == 1);
    CHECK(stock_shell(copies.front(), "PRAGMA user_version; SELECT count(*) FROM store; PRAGMA integrity_check;").out ==
          "1\n1\nok\n");
    CHECK(fs::status(copies.front()).permissions() == fs::status(file).permissions());
}

TEST_CASE("nothing is committed between the copy of the old database and its upgrade") {
    const Scratch scratch;
    const auto file = scratch / "catalog.db";
    const auto connection = at_version(file, 1);
    const auto other = sqlite::open_connection(file, sqlite::Access::read_write);
    other->set_busy_timeout(std::chrono::milliseconds(0));
    int prepared = 0;
    const auto prepare = [&] {
        ++prepared;
        CHECK(version_of(*connection) == 1);
        CHECK_THROWS_AS(other->execute("BEGIN IMMEDIATE"), Busy);
    };
    CHECK(sqlite::migrate(*connection, {}, prepare) == sqlite::newest_version() - 1);
    CHECK(sqlite::migrate(*connection, {}, prepare) == 0);
    CHECK(prepared == 1);
}

TEST_CASE("what a migration does beyond SQL stands or falls with it") {
    const Scratch scratch;
    const auto connection = at_version(scratch / "old.db", 1);
    const auto step = [](sqlite::Connection&, int version) {
        if (version == sqlite::newest_version()) throw Refused("no entry", "clock_jump");
    };
    CHECK_THROWS_AS(sqlite::migrate(*connection, step), Refused);
    CHECK(version_of(*connection) == sqlite::newest_version() - 1);
}

TEST_CASE("an upgrade that was interrupted after its copy can be started again") {
    const Scratch scratch;
    const auto file = scratch / "catalog.db";
    at_version(file, 1).reset();
    scratch.file("catalog.db.v1", "half a copy");
    CHECK_NOTHROW(sqlite::Database(file, scratch / "queue", sqlite::DatabaseOptions{.upgrade = true}));
    CHECK(copies_in(scratch.path()).size() == 2);
}

TEST_CASE("a writer notices that another process has upgraded the store beyond it") {
    const TestDatabase test;
    const auto database = test.open();
    write_type(*database, "a");
    const auto connection = sqlite::open_connection(test.file, sqlite::Access::read_write);
    connection->execute("UPDATE store SET min_writer = 999");
    upgrade_to_999(*connection);
    CHECK_THROWS_AS(write_type(*database, "b"), VersionMismatch);
    connection->execute("UPDATE store SET min_writer = 1");
    CHECK_NOTHROW(write_type(*database, "b"));  // newer, and open to writers of this version
}

// A migration that was shipped never changes. A new one gets a line of its own in the list.
TEST_CASE("the migrations are those that were shipped") {
    std::ifstream golden(std::string(CUSTODY_SOURCE_DIR) + "/tests/sqlite/shipped_migrations.txt");
    REQUIRE(golden);
    std::size_t count = 0;
    std::string name;
    std::string sql_sha256;
    std::string schema_sha256;
    while (golden >> name >> sql_sha256 >> schema_sha256) {
        REQUIRE(count < sqlite::migrations().size());
        const auto& migration = sqlite::migrations()[count++];
        CHECK(name == std::string(migration.name));
        CHECK(sql_sha256 == std::string(migration.sha256));
        CHECK(schema_sha256 == base::sha256(std::string_view(migration.schema)).hex());
    }
    CHECK(count == sqlite::migrations().size());
}

TEST_CASE("the end of a writer leaves the version that another process has upgraded the store to") {
    for (const std::string min_writer : {"1", "999"}) {
        CAPTURE(min_writer);
        const TestDatabase test;
        auto database = test.open();
        database->write([](sqlite::Connection& connection) {  // so much that its end begins the WAL anew
            for (int i = 0; i < 20000; ++i) insert_type(connection, "type_with_a_long_name_" + std::to_string(i));
        });
        const auto connection = sqlite::open_connection(test.file, sqlite::Access::read_write);
        connection->execute(("UPDATE store SET min_writer = " + min_writer).c_str());
        upgrade_to_999(*connection);
        database.reset();
        CHECK(version_of(*connection) == 999);
    }
}

TEST_CASE("an older store that is opened for diagnosis is not written to") {
    const Scratch scratch;
    const auto file = scratch / "catalog.db";
    at_version(file, sqlite::newest_version() - 1).reset();
    sqlite::Database database(file, scratch / "queue", sqlite::DatabaseOptions{.diagnose = true});
    CHECK_FALSE(database.writable());
    CHECK(count_types(database) == 0);
    CHECK_THROWS_AS(write_type(database, "x"), IoError);
}

TEST_CASE("a reader notices that another process has upgraded the store beyond it") {
    const TestDatabase test;
    const auto database = test.open();
    CHECK(count_types(*database) == 0);
    const auto connection = sqlite::open_connection(test.file, sqlite::Access::read_write);
    connection->execute("UPDATE store SET min_reader = 999");
    upgrade_to_999(*connection);
    CHECK_THROWS_AS(count_types(*database), VersionMismatch);
    CHECK_THROWS_AS(write_type(*database, "b"), VersionMismatch);
    connection->execute("UPDATE store SET min_reader = 1");
    CHECK_NOTHROW(count_types(*database));
    CHECK_NOTHROW(write_type(*database, "b"));
}
