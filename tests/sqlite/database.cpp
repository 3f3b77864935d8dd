#include "sqlite/database.hpp"

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <custody/error.hpp>
#include <stdexcept>
#include <thread>

#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST_CASE("a write is there afterwards, one that throws is not") {
    const TestDatabase test;
    const auto database = test.open();
    write_type(*database, "kept");
    struct Mine : std::runtime_error {
        using std::runtime_error::runtime_error;
    };
    CHECK_THROWS_AS(database->write([](sqlite::Connection& connection) {
        insert_type(connection, "dropped");
        throw Mine("x");
    }),
                    Mine);
    CHECK(count_types(*database) == 1);
    write_type(*database, "dropped");
    CHECK(count_types(*database) == 2);
}

TEST_CASE("past the deadline a write is refused as Busy and has changed nothing") {
    const TestDatabase test;
    const auto holder = sqlite::open_connection(test.file, sqlite::Access::read_write);
    const auto database = test.open({.lock_timeout = 300ms});
    holder->execute("BEGIN IMMEDIATE");
    const auto before = test.files();
    const auto start = Clock::now();
    const auto message = message_of<Busy>([&] { write_type(*database, "x"); });
    const auto waited = Clock::now() - start;
    CHECK(contains(message, "300 ms"));
    CHECK(contains(message, "nothing was changed"));
    CHECK(waited >= 250ms);
    CHECK(waited < 3s);
    CHECK(test.files() == before);
    holder->execute("ROLLBACK");
    CHECK(count_types(*database) == 0);
    CHECK_NOTHROW(write_type(*database, "x"));
}

TEST_CASE("a thread that waits for another one of its process has the same deadline") {
    const TestDatabase test;
    const auto database = test.open({.lock_timeout = 300ms});
    std::atomic<bool> inside = false;
    std::atomic<bool> done = false;
    std::thread holder([&] {
        database->write([&](sqlite::Connection& connection) {
            insert_type(connection, "first");
            inside = true;
            while (!done) std::this_thread::sleep_for(5ms);
        });
    });
    while (!inside) std::this_thread::sleep_for(1ms);
    CHECK_THROWS_AS(write_type(*database, "second"), Busy);
    done = true;
    holder.join();
    write_type(*database, "third");
    CHECK(count_types(*database) == 2);
}

TEST_CASE("a caller who wants to wait no longer is refused as Busy, soon and having changed nothing") {
    const TestDatabase test;
    std::atomic<int> asked = 0;
    std::atomic<bool> stopped = true;
    const auto database = test.open({.lock_timeout = 20s, .stop_waiting = [&] {
                                         ++asked;
                                         return stopped.load();
                                     }});
    write_type(*database, "first");
    CHECK(asked == 0);
    const auto before = test.files();
    const auto is_refused = [&](const std::string& because) {
        const auto start = Clock::now();
        const auto message = message_of<Busy>([&] { write_type(*database, "x"); });
        INFO(message);
        CHECK(contains(message, because));
        CHECK(contains(message, "was stopped; nothing was changed"));
        CHECK(Clock::now() - start < 5s);
        CHECK(asked.exchange(0) > 0);
    };
    SUBCASE("by another process's lock") {
        const auto holder = sqlite::open_connection(test.file, sqlite::Access::read_write);
        holder->execute("BEGIN IMMEDIATE");
        is_refused("another process");
        SUBCASE("but what cleans up waits on") {
            std::thread later([&] {
                std::this_thread::sleep_for(200ms);
                holder->execute("ROLLBACK");
            });
            CHECK_NOTHROW(database->write([](sqlite::Connection& connection) { insert_type(connection, "cleaned_up"); },
                                          sqlite::Grouping::alone, sqlite::Waiting::to_the_deadline));
            CHECK(asked == 0);
            later.join();
            return;
        }
        holder->execute("ROLLBACK");
    }
    const auto is_refused_beside = [&](sqlite::Database& busy, const std::string& because) {
        std::atomic<bool> inside = false;
        std::atomic<bool> done = false;
        std::thread holder([&] {
            CHECK_THROWS_AS(busy.write([&](sqlite::Connection&) {
                inside = true;
                while (!done) std::this_thread::sleep_for(1ms);
                throw InvalidState("nothing to keep");
            }),
                            InvalidState);
        });
        while (!inside) std::this_thread::sleep_for(1ms);
        is_refused(because);
        done = true;
        holder.join();
    };
    SUBCASE("by one who came first, and has its turn") { is_refused_beside(*test.open({}), "another process"); }
    SUBCASE("by another thread of its process") { is_refused_beside(*database, "another thread"); }
    CHECK(test.files() == before);
    stopped = false;
    write_type(*database, "x");
    CHECK(count_types(*database) == 2);
}

TEST_CASE("where a caller can't be asked whether to wait, nobody waits") {
    const TestDatabase test;
    const auto database = test.open({.lock_timeout = 20s, .stop_waiting = []() -> bool { throw InvalidState("no answer"); }});
    const auto holder = sqlite::open_connection(test.file, sqlite::Access::read_write);
    holder->execute("BEGIN IMMEDIATE");
    CHECK(contains(message_of<Busy>([&] { write_type(*database, "x"); }), "was stopped"));
}

TEST_CASE("any lock timeout a caller may give is a deadline and no accident") {
    const TestDatabase test;
    for (const auto timeout : {std::chrono::milliseconds::max(), std::chrono::milliseconds::min(), 0ms, -1ms}) {
        const auto database = test.open({.lock_timeout = timeout});
        CHECK_NOTHROW(write_type(*database, "t" + std::to_string(count_types(*database))));
    }
}

TEST_CASE("threads of one process take turns and lose nothing") {
    const TestDatabase test;
    const auto database = test.open();
    std::vector<std::thread> threads;
    std::atomic<int> failures = 0;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 50; ++i) {
                try {
                    write_type(*database, "t" + std::to_string(t) + "_" + std::to_string(i));
                    (void)count_types(*database);
                } catch (const std::exception&) {
                    ++failures;
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(failures == 0);
    CHECK(count_types(*database) == 400);
}

TEST_CASE("a full database says so, rolls back and works again when there is room") {
    const TestDatabase test;
    const auto database = test.open();
    const auto limit = [&](const char* pages) {
        database->write([&](sqlite::Connection& connection) {
            sqlite::Query query(connection, std::string("PRAGMA max_page_count = ") + pages);
            query.step();
        });
    };
    limit("1");  // the least: what is there
    int code = 0;
    std::string message;
    try {
        database->write([](sqlite::Connection& connection) {
            for (int i = 0; i < 10000; ++i) insert_type(connection, "type_with_a_long_name_" + std::to_string(i));
        });
    } catch (const IoError& error) {
        code = error.code();
        message = error.what();
    }
    CHECK(code == ENOSPC);
    CHECK(contains(message, "free some space"));
    CHECK(count_types(*database) == 0);
    limit("1000000");
    write_type(*database, "x");
    CHECK(count_types(*database) == 1);
}

TEST_CASE("in a forked child a handle refuses to work, and its end leaves the parent's locks alone") {
    const TestDatabase test;
    auto database = test.open();
    write_type(*database, "a");
    database->write([&](sqlite::Connection& connection) {
        insert_type(connection, "b");
        const pid_t child = in_child([&] {
            int refused = 0;
            const auto count = [&](const auto& use) {
                try {
                    use();
                } catch (const InvalidState&) {
                    ++refused;
                }
            };
            count([&] { write_type(*database, "child"); });
            count([&] { (void)count_types(*database); });
            count([&] { (void)database->checkpoint(); });
            database.reset();
            return refused;
        });
        CHECK(wait_for(child) == 3);
        // Still locked: another process can't write.
        const pid_t other = in_child([&] {
            const auto own = test.open({.lock_timeout = 100ms});
            try {
                write_type(*own, "other");
            } catch (const Busy&) {
                return 7;
            }
            return 0;
        });
        CHECK(wait_for(other) == 7);
    });
    CHECK(count_types(*database) == 2);
}

TEST_CASE("a schema that is altered under a writer is found before anything is written") {
    const TestDatabase test;
    const auto database = test.open();
    write_type(*database, "a");
    const auto intruder = sqlite::open_connection(test.file, sqlite::Access::read_write);
    intruder->execute("CREATE TABLE foreign_table (x)");
    CHECK(contains(message_of<SchemaAltered>([&] { write_type(*database, "b"); }), "foreign_table"));
    CHECK(database->schema_differences() == std::vector<std::string>{"foreign table foreign_table"});
    CHECK(count_types(*database) == 1);
    intruder->execute("DROP TABLE foreign_table");
    CHECK_NOTHROW(write_type(*database, "c"));
    intruder->execute("VACUUM");  // counts as a change of the schema, and is none
    CHECK_NOTHROW(write_type(*database, "d"));
    CHECK(count_types(*database) == 3);
    CHECK(database->schema_differences().empty());
}

// SQLite 3.40 would find out by itself, and loses the transaction where it has no memory at that moment.
TEST_CASE("a write has forgotten the statements of another schema before its first one") {
    const TestDatabase test;
    const auto database = test.open();
    const auto inserts_kept = [&] {
        int count = 0;
        database->write([&](sqlite::Connection& connection) {
            for (auto* one = sqlite3_next_stmt(connection.handle(), nullptr); one != nullptr;
                 one = sqlite3_next_stmt(connection.handle(), one)) {
                if (contains(sqlite3_sql(one), "INSERT INTO artifact_types")) ++count;
            }
        });
        return count;
    };
    write_type(*database, "a");
    CHECK(inserts_kept() == 1);
    sqlite::open_connection(test.file, sqlite::Access::read_write)->execute("VACUUM");
    CHECK(inserts_kept() == 0);
    CHECK_NOTHROW(write_type(*database, "b"));
    CHECK(count_types(*database) == 2);
}

TEST_CASE("a catalog that another client left in another journal mode is put back into WAL mode") {
    const TestDatabase test;
    { const auto made = test.open(); }
    REQUIRE(shell("sqlite3 '" + test.file.string() + "' 'PRAGMA journal_mode = DELETE'").exit_code == 0);
    const auto database = test.open({.lock_timeout = std::chrono::milliseconds(500)});
    write_type(*database, "x");
    CHECK(count_types(*database) == 1);
    database->read([](sqlite::Connection& connection) {
        sqlite::Query mode(connection, "PRAGMA journal_mode");
        REQUIRE(mode.step());
        CHECK(mode.text(0) == "wal");
    });
}

TEST_CASE("the table in which SQLite counts other tables' keys is no change of the schema") {
    const TestDatabase test;
    { const auto made = test.open(); }
    REQUIRE(shell("sqlite3 '" + test.file.string() + "' 'CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE n;'")
                .exit_code == 0);
    const auto database = test.open();
    write_type(*database, "x");
    CHECK(database->schema_differences().empty());
}

TEST_CASE("a version that no migration has set is no excuse for an altered schema") {
    const TestDatabase test;
    const auto database = test.open();
    write_type(*database, "x");
    const auto next = std::to_string(sqlite::newest_version() + 1);
    REQUIRE(
        shell("sqlite3 '" + test.file.string() + "' 'CREATE TABLE stolen (a); PRAGMA user_version = " + next + "'").exit_code ==
        0);
    CHECK_THROWS_AS(write_type(*database, "y"), SchemaAltered);
}
