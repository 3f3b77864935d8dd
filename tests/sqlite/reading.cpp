#include <dirent.h>
#include <sys/stat.h>

#include <custody/error.hpp>
#include <thread>

#include "sqlite/pragma.hpp"
#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
using namespace std::chrono_literals;

namespace {

/// Descriptors of this process that are of the file: one a connection.
int descriptors_of(const std::filesystem::path& file) {
    struct stat wanted {};
    REQUIRE(::stat(file.c_str(), &wanted) == 0);
    int count = 0;
    const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir("/proc/self/fd"), ::closedir);
    while (const auto* entry = ::readdir(all.get())) {
        struct stat status {};
        if (::fstatat(::dirfd(all.get()), entry->d_name, &status, 0) != 0) continue;
        count += status.st_dev == wanted.st_dev && status.st_ino == wanted.st_ino ? 1 : 0;
    }
    return count;
}

}  // namespace

TEST_CASE("a read sees one moment, whatever is written meanwhile") {
    const TestDatabase test;
    const auto database = test.open();
    const auto other = test.open();
    write_type(*database, "a");
    database->read([&](sqlite::Connection& connection) {
        const auto count = [&] {
            sqlite::Query query(connection, "SELECT count(*) FROM artifact_types WHERE built_in = 0");
            query.step();
            return query.integer(0);
        };
        CHECK(count() == 1);
        write_type(*database, "b");
        write_type(*other, "c");
        CHECK(count() == 1);
    });
    CHECK(count_types(*database) == 3);
}

TEST_CASE("a read that throws leaves its connection usable") {
    const TestDatabase test;
    const auto database = test.open();
    for (int i = 0; i < 5; ++i) {
        CHECK_THROWS_AS(database->read([](sqlite::Connection&) { throw NotFound("x"); }), NotFound);
        CHECK_NOTHROW(count_types(*database));
    }
}

TEST_CASE("a read can't leave a transaction open that would hold the write-ahead log") {
    const TestDatabase test;
    const auto database = test.open();
    CHECK_THROWS_AS(database->read([](sqlite::Connection& connection) {
        sqlite::Query query(connection, "SELECT artifact_type FROM artifact_types");
        query.step();
        throw Conflict("half way");
    }),
                    Conflict);
    write_type(*database, "x");
    CHECK(database->checkpoint());
}

TEST_CASE("a thread that reads and writes in turn has one connection, beside the one for checkpoints") {
    const TestDatabase test;
    const auto database = test.open();
    for (int i = 0; i < 3; ++i) {
        CHECK(count_types(*database) == i);
        write_type(*database, "t" + std::to_string(i));
    }
    CHECK(descriptors_of(test.file) == 2);
}

TEST_CASE("a writer doesn't wait for a reader, and each has its connection from then on") {
    const TestDatabase test;
    const auto database = test.open();
    database->read([&](sqlite::Connection&) {
        std::thread writer([&] { write_type(*database, "x"); });
        writer.join();
        CHECK(descriptors_of(test.file) == 3);
    });
    for (int i = 0; i < 3; ++i) {
        CHECK(count_types(*database) == i + 1);
        write_type(*database, "t" + std::to_string(i));
    }
    CHECK(descriptors_of(test.file) == 3);
}

TEST_CASE("a read sees nothing of a transaction that is open, its own thread's included") {
    const TestDatabase test;
    const auto database = test.open();
    database->write([&](sqlite::Connection& connection) {
        insert_type(connection, "x");
        CHECK(count_types(*database) == 0);
    });
    CHECK(count_types(*database) == 1);
}

TEST_CASE("what looks like damage is looked at again before it is believed") {
    const TestDatabase test;
    const auto database = test.open();
    int attempts = 0;
    CHECK_NOTHROW(database->read([&](sqlite::Connection&) {
        if (++attempts == 1) throw Corruption("an I/O error that looks like it");
    }));
    CHECK(attempts == 2);
    CHECK_THROWS_AS(database->read([&](sqlite::Connection&) { throw Corruption("still"); }), Corruption);
    CHECK_NOTHROW(count_types(*database));
    write_type(*database, "x");  // its connection was the writer's
    CHECK(count_types(*database) == 1);
    CHECK(database->checkpoint());
}

TEST_CASE("a read keeps few pages in memory and waits its whole time, by whatever connection; a write spills late") {
    const TestDatabase test;
    const auto database = test.open({.lock_timeout = 7000ms});
    for (int i = 0; i < 2; ++i) {
        database->read([](sqlite::Connection& connection) {
            CHECK(sqlite::pragma(connection, "PRAGMA cache_size") == -32768);
            CHECK(sqlite::pragma(connection, "PRAGMA busy_timeout") == 7000);
        });
        database->write([](sqlite::Connection& connection) {
            CHECK(sqlite::pragma(connection, "PRAGMA cache_spill") * 4096 > 48 << 20);
            std::this_thread::sleep_for(2ms);  // so that less of its time is left
        });
    }
}
