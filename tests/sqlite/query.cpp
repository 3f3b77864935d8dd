#include <array>
#include <custody/error.hpp>

#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
using sqlite::Query;

namespace {

struct Table {
    TestDatabase database;
    std::unique_ptr<sqlite::Connection> connection = sqlite::open_connection(database.file, sqlite::Access::read_write);
    Table() { connection->execute("CREATE TEMP TABLE t (a, b)"); }
};

}  // namespace

TEST_CASE("a value comes back as it was bound") {
    Table t;
    const std::string with_nul("a\0b", 3);
    const std::array<std::uint8_t, 3> bytes{0, 255, 7};
    Query(*t.connection, "INSERT INTO t VALUES (?, ?)", std::int64_t{-9223372036854775807}, with_nul).run();
    Query(*t.connection, "INSERT INTO t VALUES (?, ?)", std::span<const std::uint8_t>(bytes), nullptr).run();
    Query(*t.connection, "INSERT INTO t VALUES (?, ?)", std::optional<std::string>("x"), std::optional<std::int64_t>()).run();
    Query query(*t.connection, "SELECT a, b FROM t ORDER BY rowid");
    REQUIRE(query.step());
    CHECK(query.integer(0) == -9223372036854775807);
    CHECK(query.text(1) == with_nul);
    CHECK(query.view(1) == with_nul);
    REQUIRE(query.step());
    CHECK(query.blob(0) == std::string("\0\xff\x07", 3));
    CHECK(query.is_null(1));
    CHECK(query.optional_text(1) == std::nullopt);
    REQUIRE(query.step());
    CHECK(query.optional_text(0) == "x");
    CHECK(query.optional_integer(1) == std::nullopt);
    CHECK_FALSE(query.step());
}

TEST_CASE("queries of one text that are in use at once don't disturb each other") {
    Table t;
    for (int i = 0; i < 4; ++i) Query(*t.connection, "INSERT INTO t VALUES (?, 0)", i).run();
    std::string seen;
    const std::string sql = "SELECT a FROM t WHERE a >= ? ORDER BY a";
    Query outer(*t.connection, sql, 0);
    while (outer.step()) {
        seen += std::to_string(outer.integer(0)) + ":";
        Query inner(*t.connection, sql, 2);
        while (inner.step()) {
            Query innermost(*t.connection, sql, 3);
            REQUIRE(innermost.step());
            seen += std::to_string(inner.integer(0)) + std::to_string(innermost.integer(0));
        }
        seen += " ";
    }
    CHECK(seen == "0:2333 1:2333 2:2333 3:2333 ");
}

TEST_CASE("the text of a query may be gone before the query is") {
    Table t;
    Query(*t.connection, "INSERT INTO t VALUES (1, 2)").run();
    for (int i = 0; i < 3; ++i) {
        Query query(*t.connection, std::string("SELECT a, b FROM t WHERE a = ?") + " AND b = 2 -- long enough to be on the heap",
                    1);
        CHECK(query.step());
    }
}

TEST_CASE("a query that is used again has none of its last values") {
    Table t;
    Query(*t.connection, "INSERT INTO t VALUES (?, ?)", 1, 2).run();
    Query again(*t.connection, "INSERT INTO t VALUES (?, ?)", 3);
    CHECK(again.run() == 1);
    again.bind(1, 4);
    CHECK(again.run() == 1);
    Query query(*t.connection, "SELECT a, b FROM t ORDER BY a");
    REQUIRE(query.step());
    REQUIRE(query.step());
    CHECK(query.integer(0) == 3);
    CHECK(query.is_null(1));
    query.reset();
    REQUIRE(query.step());
    CHECK(query.integer(0) == 1);
}

TEST_CASE("a query that failed can be used again") {
    TestDatabase database;
    const auto connection = sqlite::open_connection(database.file, sqlite::Access::read_write);
    for (int i = 0; i < 3; ++i) {
        const auto message = message_of<Error>([&] { insert_type(*connection, "Not A Type"); });
        CHECK(contains(message, "CHECK constraint failed"));
        CHECK_NOTHROW(insert_type(*connection, "type_" + std::to_string(i)));
    }
}
