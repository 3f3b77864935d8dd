#include "sqlite/kept_locks.hpp"

#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

// Closing any descriptor of a file drops what locks the process has on it. A client that comes and goes then takes itself for the
// last one and removes the log, into which the process goes on writing what nobody will see again.
TEST_CASE(
    "a program that reads the database's files while it has the database open loses nothing to a client that comes and goes") {
    const TestDatabase test;
    {
        const auto database = test.open();
        write_type(*database, "first");
        for (int round = 0; round < 3; ++round) {
            for (const char* suffix : {"", "-wal", "-shm"}) (void)slurp(test.file.string() + suffix);
            CHECK(stock_shell(test.file, "SELECT count(*) FROM artifact_types WHERE built_in = 0").out ==
                  std::to_string(1 + 10 * round) + "\n");
            CHECK(fs::exists(test.file.string() + "-wal"));
            for (int n = 0; n < 10; ++n) write_type(*database, "type_" + std::to_string(10 * round + n));
        }
    }
    CHECK(count_types(*test.open()) == 31);
    CHECK(stock_shell(test.file, "PRAGMA integrity_check").out == "ok\n");
}

TEST_CASE("once the database is closed, the last client to go removes the log, as ever") {
    const TestDatabase test;
    write_type(*test.open(), "a");
    CHECK(fs::exists(test.file.string() + "-wal"));
    CHECK(stock_shell(test.file, "SELECT count(*) FROM artifact_types WHERE built_in = 0").out == "1\n");
    CHECK_FALSE(fs::exists(test.file.string() + "-wal"));
}
