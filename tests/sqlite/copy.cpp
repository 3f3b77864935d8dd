#include "sqlite/copy.hpp"

#include <custody/error.hpp>

#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

TEST_CASE("a copy is one file without a log, as of one moment") {
    const TestDatabase test;
    const auto database = test.open();
    for (int i = 0; i < 30; ++i) write_type(*database, "t" + std::to_string(i));
    const auto copy = test.scratch / "copy.db";
    sqlite::copy_database(test.file, copy, 0640);
    write_type(*database, "later");
    CHECK_FALSE(fs::exists(copy.string() + "-wal"));
    CHECK(
        stock_shell(copy, "SELECT count(*) FROM artifact_types WHERE built_in = 0; PRAGMA integrity_check; PRAGMA journal_mode;")
            .out == "30\nok\ndelete\n");
}

TEST_CASE("a copy never overwrites") {
    const TestDatabase test;
    const auto other = test.scratch.file("other.db", "somebody's file");
    CHECK_THROWS_AS(sqlite::copy_database(test.file, other, 0600), Error);
    CHECK(slurp(other) == "somebody's file");
    CHECK_THROWS_AS(sqlite::copy_database(test.file, test.scratch / "missing/copy.db", 0600), Error);
}

TEST_CASE("what is taken out of a rewritten copy is nowhere in its bytes") {
    const TestDatabase test;
    const std::string secret = "a_name_that_has_to_go";
    {
        const auto database = test.open();
        for (int i = 0; i < 300; ++i) write_type(*database, secret + std::to_string(i));
    }
    const auto whole = test.scratch / "whole.db";
    const auto without = test.scratch / "without.db";
    sqlite::copy_database(test.file, whole, 0600);
    REQUIRE(contains(slurp(whole), secret));
    sqlite::change_copy(
        whole, [](sqlite::Connection& connection) { connection.execute("DELETE FROM artifact_types WHERE built_in = 0"); });
    sqlite::rewrite_copy(whole, without, 0600);
    CHECK_FALSE(contains(slurp(without), secret));
    CHECK(stock_shell(without, "SELECT count(*) FROM artifact_types; PRAGMA integrity_check;").out == "11\nok\n");
}
