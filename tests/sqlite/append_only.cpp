// What the schema's triggers keep from other clients, the library keeps from itself without running them.
#include "sqlite/append_only.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <custody/error.hpp>

#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
using sqlite::Access;
using sqlite::Query;

namespace {

/// What each trigger of the schema that is named so is there to refuse: table by table.
std::vector<std::string> tables_with(sqlite::Connection& connection, const std::string& rule) {
    std::vector<std::string> tables;
    Query query(connection, "SELECT tbl_name FROM sqlite_schema WHERE type = 'trigger' AND name = tbl_name || ?", "_no_" + rule);
    while (query.step()) tables.push_back(query.text(0));
    return tables;
}

std::string first_column(sqlite::Connection& connection, const std::string& table) {
    Query query(connection, "SELECT name FROM pragma_table_info(?) ORDER BY cid LIMIT 1", table);
    REQUIRE(query.step());
    return query.text(0);
}

bool is_refused(sqlite::Connection& connection, const std::string& sql) {
    try {
        connection.execute(sql.c_str());
    } catch (const Error& error) {
        return contains(error.what(), "not authorized");
    }
    return false;
}

}  // namespace

TEST_CASE("the library's connections refuse every change and deletion that a trigger refuses to others, and no more") {
    const TestDatabase test;
    const auto connection = sqlite::open_connection(test.file, Access::read_write);
    const auto never_deleted = tables_with(*connection, "delete");
    const auto never_changed = tables_with(*connection, "update");
    CHECK(never_deleted.size() == 8);
    CHECK(never_changed.size() == 4);
    Query tables(*connection, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    while (tables.step()) {
        const auto table = tables.text(0);
        CAPTURE(table);
        const auto is_among = [&](const auto& names) { return std::find(names.begin(), names.end(), table) != names.end(); };
        const auto column = first_column(*connection, table);
        CHECK(is_refused(*connection, "DELETE FROM " + table + " WHERE 0") == is_among(never_deleted));
        CHECK(is_refused(*connection, "UPDATE " + table + " SET " + column + " = " + column + " WHERE 0") ==
              is_among(never_changed));
    }
}

TEST_CASE("a connection of the library runs no trigger, the schema's and whatever else there is") {
    const TestDatabase test;
    const auto connection = sqlite::open_connection(test.file, Access::read_write);
    connection->execute(
        "CREATE TRIGGER ran AFTER INSERT ON artifact_types BEGIN SELECT raise(ABORT, 'a trigger ran'); END;"
        "CREATE TRIGGER ran_too BEFORE UPDATE ON artifact_types BEGIN SELECT raise(ABORT, 'a trigger ran'); END");
    CHECK_NOTHROW(insert_type(*connection, "untriggered"));
    CHECK_NOTHROW(connection->execute("UPDATE artifact_types SET built_in = 0 WHERE artifact_type = 'untriggered'"));
    sqlite3_db_config(connection->handle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, nullptr);
    CHECK(contains(message_of<Error>([&] { insert_type(*connection, "triggered"); }), "a trigger ran"));
}
