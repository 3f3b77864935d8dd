#include "sqlite/watch.hpp"

#include <custody/error.hpp>

#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

constexpr const char* endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
constexpr const char* long_one =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n";

}  // namespace

TEST_CASE("a statement without end ends where whoever watches it says so, and the connection goes on") {
    const TestDatabase test;
    const auto database = test.open();
    database->read([](sqlite::Connection& connection) {
        int looks = 0;
        {
            const sqlite::Watch watch(connection, [&] { return ++looks < 3; });
            sqlite::Query query(connection, endless);
            CHECK_THROWS_AS((void)query.step(), Error);
        }
        CHECK(looks == 3);
        sqlite::Query query(connection, long_one);
        REQUIRE(query.step());
        CHECK(query.integer(0) == 300000);
        CHECK(looks == 3);
    });
    CHECK(count_types(*database) == 0);
}
