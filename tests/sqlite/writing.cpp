// Writers of several threads that share a transaction.
#include <sqlite3.h>

#include <atomic>
#include <custody/error.hpp>
#include <latch>
#include <mutex>
#include <thread>

#include "sqlite/database.hpp"
#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
using namespace std::chrono_literals;
using sqlite::Grouping;

namespace {

/// How many commits the log holds: the last frame of each says how large the database is then (SQLite's file format, 4.2).
int commits_in_log(const std::filesystem::path& file) {
    const auto log = slurp(file.string() + "-wal");
    constexpr std::size_t header_bytes = 32, frame_bytes = 24 + 4096;
    int commits = 0;
    for (std::size_t at = header_bytes; at + frame_bytes <= log.size(); at += frame_bytes) {
        commits += log.substr(at + 4, 4) != std::string(4, '\0') ? 1 : 0;
    }
    return commits;
}

std::int64_t types_seen(sqlite::Connection& connection) {
    sqlite::Query query(connection, "SELECT count(*) FROM artifact_types WHERE built_in = 0");
    query.step();
    return query.integer(0);
}

int rollbacks_to_refuse = 0;

/// The next `count` attempts to take something back fail, as they do without memory.
void refuse_rollbacks(sqlite::Connection& connection, int count) {
    rollbacks_to_refuse = count;
    sqlite3_set_authorizer(
        connection.handle(),
        [](void*, int action, const char* verb, const char*, const char*, const char*) {
            const bool takes_back =
                (action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT) && verb == std::string("ROLLBACK");
            return takes_back && rollbacks_to_refuse-- > 0 ? SQLITE_DENY : SQLITE_OK;
        },
        nullptr);
}

/// Writers that all wait while a first one is at work, alone, in the order in which they are given, so that they write together.
class Line {
   public:
    explicit Line(sqlite::Database& database) : database_(database) {
        add(
            [this](sqlite::Connection& connection) {
                first_works_.count_down();
                all_wait_.wait();
                insert_type(connection, "first");
            },
            Grouping::alone);
        first_works_.wait();
    }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    ~Line() {
        if (!threads_.empty()) (void)end();
    }
    void add(std::function<void(sqlite::Connection&)> body, Grouping grouping = Grouping::joins) {
        const auto number = errors_.size();
        errors_.emplace_back();
        threads_.emplace_back([this, body = std::move(body), grouping, number] {
            std::string error;
            try {
                database_.write(body, grouping);
            } catch (const std::exception& caught) {
                error = caught.what();
            }
            const std::lock_guard lock(mutex_);
            errors_[number] = error;
        });
        if (number > 0) std::this_thread::sleep_for(30ms);  // until it stands in line
    }
    void add_type(const std::string& name, Grouping grouping = Grouping::joins) {
        add([name](sqlite::Connection& connection) { insert_type(connection, name); }, grouping);
    }
    /// Lets them write; answers what each one's error was.
    std::deque<std::string> end() {
        all_wait_.count_down();
        for (auto& thread : threads_) thread.join();
        threads_.clear();
        return errors_;
    }

   private:
    sqlite::Database& database_;
    std::latch first_works_{1}, all_wait_{1};
    std::mutex mutex_;
    std::deque<std::string> errors_;
    std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("writers that wait for one another share a transaction, each being there when it returns") {
    const TestDatabase test;
    const auto database = test.open();
    const auto before = commits_in_log(test.file);
    Line line(*database);
    for (const char* name : {"second", "third", "fourth"}) line.add_type(name);
    CHECK(line.end() == std::deque<std::string>(4));
    CHECK(count_types(*database) == 4);
    CHECK(commits_in_log(test.file) - before == 2);
}

TEST_CASE("who is first of those that wait writes for all of them") {
    const TestDatabase test;
    const auto database = test.open();
    Line line(*database);
    std::vector<std::thread::id> at_work;
    for (int i = 0; i < 3; ++i) {
        line.add([&](sqlite::Connection& connection) {
            at_work.push_back(std::this_thread::get_id());
            insert_type(connection, "x" + std::to_string(at_work.size()));
        });
    }
    CHECK(line.end() == std::deque<std::string>(4));
    CHECK(at_work == std::vector(3, at_work.at(0)));
    CHECK(count_types(*database) == 4);
}

TEST_CASE("a writer of a group that fails takes back its own change, and nobody else's") {
    const TestDatabase test;
    const auto database = test.open();
    const auto before = commits_in_log(test.file);
    Line line(*database);
    line.add_type("second");
    line.add([](sqlite::Connection& connection) {
        insert_type(connection, "failed");
        throw Conflict("mine alone");
    });
    line.add_type("last");
    SUBCASE("in the middle") {
        CHECK(line.end() == std::deque<std::string>{"", "", "mine alone", ""});
        CHECK(count_types(*database) == 3);
    }
    SUBCASE("and at the end") {
        line.add([](sqlite::Connection&) { throw Conflict("mine too"); });
        CHECK(line.end() == std::deque<std::string>{"", "", "mine alone", "", "mine too"});
        CHECK(count_types(*database) == 3);
    }
    CHECK(commits_in_log(test.file) - before == 2);
}

TEST_CASE("what fails the transaction fails every writer of it, and the next ones go on") {
    const TestDatabase test;
    const auto database = test.open();
    Line line(*database);
    line.add_type("second");
    SUBCASE("at the commit") {
        line.add([](sqlite::Connection& connection) {
            connection.execute(
                "PRAGMA defer_foreign_keys = ON; "
                "INSERT INTO retention_policies (artifact_type, days, when_descendants_completed, seq) VALUES ('none', 1, 0, 1)");
        });
    }
    SUBCASE("where SQLite itself has rolled back") {
        line.add([](sqlite::Connection& connection) {
            connection.execute("ROLLBACK");
            throw IoError("the disk is full", 28);
        });
    }
    SUBCASE("where a change can't be taken back") {
        line.add([](sqlite::Connection& connection) {
            insert_type(connection, "half");
            refuse_rollbacks(connection, 2);
            throw Conflict("no way back");
        });
    }
    const auto errors = line.end();
    REQUIRE(errors.size() == 3);
    CHECK(errors[0].empty());
    CHECK(!errors[1].empty());
    CHECK(errors[1] == errors[2]);
    CHECK(count_types(*database) == 1);
    write_type(*database, "next");
    CHECK(count_types(*database) == 2);
}

TEST_CASE("a writer that must see what is committed writes alone, and what came before it is durable then") {
    const TestDatabase test;
    const auto database = test.open();
    const auto other = test.open();
    const auto before = commits_in_log(test.file);
    Line line(*database);
    line.add_type("second");
    std::int64_t seen_inside = 0, seen_outside = 0;
    line.add(
        [&](sqlite::Connection& connection) {
            seen_inside = types_seen(connection);
            seen_outside = count_types(*other);
            insert_type(connection, "alone");
        },
        Grouping::alone);
    line.add_type("after");
    CHECK(line.end() == std::deque<std::string>(4));
    CHECK(seen_inside == 2);
    CHECK(seen_outside == 2);
    CHECK(count_types(*database) == 4);
    CHECK(commits_in_log(test.file) - before == 4);
}

TEST_CASE("many threads that write, fail and give up lose nothing, and nothing of a failure stays") {
    const TestDatabase test;
    const auto database = test.open({.lock_timeout = 5s});
    const auto hasty = test.open({.lock_timeout = 1ms});
    std::atomic<int> written{0}, gave_up{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 12; ++thread) {
        threads.emplace_back([&, thread] {
            for (int i = 0; i < 60; ++i) {
                const auto name = "t" + std::to_string(thread) + "_" + std::to_string(i);
                try {
                    (thread < 10 ? database : hasty)
                        ->write(
                            [&](sqlite::Connection& connection) {
                                insert_type(connection, name);
                                if (i % 5 == 0) throw Conflict("on purpose");
                            },
                            i % 7 == 0 ? Grouping::alone : Grouping::joins);
                    ++written;
                } catch (const Conflict&) {
                } catch (const Busy&) {
                    ++gave_up;
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(count_types(*database) == written.load());
    CHECK(written.load() + gave_up.load() >= 12 * 48 - 24);
}
