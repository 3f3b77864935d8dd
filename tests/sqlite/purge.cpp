// Getting rid of what was deleted.
#include <thread>

#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
using namespace std::chrono_literals;

TEST_CASE("a purge waits for another writer, however long ago the last write was") {
    const TestDatabase test;
    const auto database = test.open({.lock_timeout = 1s});
    write_type(*database, "first");
    std::this_thread::sleep_for(1100ms);  // what that write would have waited is over
    const auto other = sqlite::open_connection(test.file, sqlite::Access::read_write);
    other->execute("BEGIN IMMEDIATE");
    std::thread later([&] {
        std::this_thread::sleep_for(200ms);
        other->execute("ROLLBACK");
    });
    CHECK_NOTHROW((void)database->purge());
    later.join();
    CHECK(count_types(*database) == 1);
}
