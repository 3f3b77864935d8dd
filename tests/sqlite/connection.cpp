#include "sqlite/connection.hpp"

#include <sqlite3.h>

#include <custody/error.hpp>

#include "sqlite/migrations.hpp"
#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
using sqlite::Access;
using sqlite::Query;

namespace {

std::string pragma(sqlite::Connection& connection, const std::string& name) {
    Query query(connection, "PRAGMA " + name);
    return query.step() ? query.text(0) : "none";
}

}  // namespace

TEST_CASE("every connection has the settings that the store relies on") {
    const TestDatabase database;
    const auto connection = sqlite::open_connection(database.file, Access::read_write);
    CHECK(pragma(*connection, "journal_mode") == "wal");
    CHECK(pragma(*connection, "synchronous") == "2");
    CHECK(pragma(*connection, "wal_autocheckpoint") == "0");
    CHECK(pragma(*connection, "foreign_keys") == "1");
    CHECK(pragma(*connection, "cell_size_check") == "1");
    CHECK(pragma(*connection, "recursive_triggers") == "1");
    CHECK(pragma(*connection, "secure_delete") == "1");
    CHECK(pragma(*connection, "mmap_size") == "0");
    CHECK(pragma(*connection, "application_id") == std::to_string(sqlite::application_id));
}

TEST_CASE("statements are kept as long as the schema is the same, and forgotten with it") {
    const TestDatabase database;
    const auto connection = sqlite::open_connection(database.file, Access::read_write);
    const auto is_kept = [&] { return sqlite3_next_stmt(connection->handle(), nullptr) != nullptr; };
    const auto count = [&] { return std::stoi(pragma(*connection, "schema_version")); };
    connection->use_schema(count());
    (void)Query(*connection, "SELECT count(*) FROM artifacts").step();
    connection->use_schema(count());
    CHECK(is_kept());
    connection->execute("CREATE INDEX another ON artifacts (status)");
    connection->use_schema(count());
    CHECK_FALSE(is_kept());
}

TEST_CASE("the defensive setting keeps even the library from editing the schema's table") {
    const TestDatabase database;
    const auto connection = sqlite::open_connection(database.file, Access::read_write);
    connection->execute("PRAGMA writable_schema = ON");
    CHECK_THROWS_AS(connection->execute("DELETE FROM sqlite_schema WHERE type = 'trigger'"), Error);
}

TEST_CASE("only a connection that may write knows the function that the guards ask for") {
    const TestDatabase database;
    CHECK_NOTHROW(sqlite::open_connection(database.file, Access::read_write)->execute("SELECT custody_writer()"));
    CHECK_THROWS_AS(sqlite::open_connection(database.file, Access::read_only)->execute("SELECT custody_writer()"), Error);
}

TEST_CASE("a read-only connection can't write") {
    const TestDatabase database;
    const auto connection = sqlite::open_connection(database.file, Access::read_only);
    CHECK_THROWS_AS(insert_type(*connection, "x"), Error);
    CHECK_NOTHROW(connection->execute("SELECT count(*) FROM artifacts"));
}

TEST_CASE("an immutable connection reads a file whose name has the characters of a URI in it") {
    const TestDatabase database;
    const auto odd = database.scratch / "50% of #1?.db";
    std::filesystem::copy_file(database.file, odd);
    const auto connection = sqlite::open_connection(odd, Access::immutable);
    Query query(*connection, "SELECT store_id FROM store");
    CHECK(query.step());
    CHECK_FALSE(std::filesystem::exists(odd.string() + "-shm"));
}

TEST_CASE("a missing file and a symbolic link are no database") {
    const TestDatabase database;
    CHECK_THROWS_AS(sqlite::open_connection(database.scratch / "missing.db", Access::read_write), IoError);
    CHECK_FALSE(std::filesystem::exists(database.scratch / "missing.db"));
    std::filesystem::create_symlink(database.file, database.scratch / "link.db");
    CHECK_THROWS_AS(sqlite::open_connection(database.scratch / "link.db", Access::read_write), IoError);
}
