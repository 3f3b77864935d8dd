// Checkpoints: guarded, small, and complete after an orderly close.
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <custody/error.hpp>
#include <thread>

#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t few_checkpoints_bytes = 3 * (4ULL << 20U);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int commits = 3000;
#else
constexpr int commits = 20000;
#endif

std::uintmax_t wal_size(const TestDatabase& test) {
    std::error_code ignored;
    const auto size = fs::file_size(test.file.string() + "-wal", ignored);
    return ignored ? 0 : size;
}

}  // namespace

TEST_CASE("the write-ahead log stays small through many commits and readers that come and go") {
    const TestDatabase test;
    const auto database = test.open();
    std::atomic<bool> done = false;
    std::thread reader([&] {
        while (!done) {
            database->read([](sqlite::Connection& connection) {
                sqlite::Query query(connection, "SELECT count(*) FROM artifact_types");
                query.step();
                std::this_thread::sleep_for(2ms);
            });
            std::this_thread::sleep_for(5ms);
        }
    });
    std::uintmax_t largest = 0;
    for (int i = 0; i < commits; ++i) {
        database->write([&](sqlite::Connection& connection) {
            connection.execute(("UPDATE store SET created_at = '" + std::to_string(i) + "'").c_str());
        });
        if (i % 64 == 0) largest = std::max(largest, wal_size(test));
    }
    done = true;
    reader.join();
    MESSAGE("largest log " << largest << " bytes");
    CHECK(largest > 0);
    CHECK(largest < few_checkpoints_bytes);
}

TEST_CASE("after an orderly close a copy of catalog.db alone has everything") {
    const TestDatabase test;
    {
        const auto database = test.open();
        const auto second = test.open();
        for (int i = 0; i < 50; ++i) write_type(i % 2 == 0 ? *database : *second, "t" + std::to_string(i));
    }
    CHECK(fs::exists(test.file.string() + "-wal"));  // the log stays, so that its name is durable
    const auto copy = test.scratch / "copy.db";
    fs::copy_file(test.file, copy);
    CHECK(stock_shell(copy, "SELECT count(*) FROM artifact_types WHERE built_in = 0; PRAGMA integrity_check;").out == "50\nok\n");
}

TEST_CASE("a checkpoint while a reader holds an older moment moves what it can and breaks nothing") {
    const TestDatabase test;
    const auto database = test.open();
    write_type(*database, "a");
    database->read([&](sqlite::Connection& connection) {
        sqlite::Query query(connection, "SELECT count(*) FROM artifact_types WHERE built_in = 0");
        query.step();
        write_type(*database, "b");
        CHECK_FALSE(database->checkpoint());
        query.reset();
        query.step();
        CHECK(query.integer(0) == 1);
    });
    CHECK(database->checkpoint());
    CHECK(count_types(*database) == 2);
}

TEST_CASE("a log that a stock shell removed is made anew and nothing is lost") {
    const TestDatabase test;
    write_type(*test.open(), "a");
    CHECK(stock_shell(test.file, "SELECT count(*) FROM artifact_types;").exit_code == 0);
    CHECK_FALSE(fs::exists(test.file.string() + "-wal"));
    const auto database = test.open();
    write_type(*database, "b");
    CHECK(count_types(*database) == 2);
}

TEST_CASE("what a killed process had committed and not checkpointed is there for the next one") {
    const TestDatabase test;
    const pid_t child = in_child([&] {
        const auto database = test.open();
        for (int i = 0; i < 20; ++i) write_type(*database, "t" + std::to_string(i));
        ::_exit(0);  // no close, no checkpoint
        return 0;
    });
    CHECK(wait_for(child) == 0);
    const auto database = test.open();
    CHECK(count_types(*database) == 20);
}

TEST_CASE("a connection that only makes checkpoints moves the whole log and syncs as the others do") {
    const TestDatabase test;
    const auto writer = sqlite::open_connection(test.file, sqlite::Access::read_write);
    writer->execute("UPDATE store SET created_at = 'moved'");
    REQUIRE(wal_size(test) > 0);
    const auto checkpointer = sqlite::open_connection(test.file, sqlite::Access::checkpoint);
    int in_log = 0;
    int moved = 0;
    CHECK(sqlite3_wal_checkpoint_v2(checkpointer->handle(), "main", SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved) == SQLITE_OK);
    CHECK(in_log > 0);
    CHECK(moved == in_log);
    sqlite::Query synchronous(*checkpointer, "PRAGMA synchronous");
    REQUIRE(synchronous.step());
    CHECK(synchronous.integer(0) == 2);  // FULL
    sqlite::Query automatic(*checkpointer, "PRAGMA wal_autocheckpoint");
    REQUIRE(automatic.step());
    CHECK(automatic.integer(0) == 0);
}
