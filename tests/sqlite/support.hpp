#pragma once

#include <doctest/doctest.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "sqlite/database.hpp"
#include "support/scratch.hpp"

namespace custody::testing {

/// A database of the newest version with its first row, in a folder of its own.
struct TestDatabase {
    TestDatabase();
    [[nodiscard]] std::unique_ptr<sqlite::Database> open(sqlite::DatabaseOptions options = {}) const;
    /// The bytes of every file in the folder but the -shm and the queue, which those write too who only look or wait.
    [[nodiscard]] std::map<std::string, std::string> files() const;

    Scratch scratch;
    std::filesystem::path file = scratch / "catalog.db";
    std::filesystem::path queue = scratch / "write-queue";
};

/// A database that has the first `version` migrations, made by hand.
std::unique_ptr<sqlite::Connection> at_version(const std::filesystem::path& file, int version, bool with_store = true);

/// The row that every store has.
void insert_store_row(sqlite::Connection& connection);
/// One small row: an artifact type of that name.
void insert_type(sqlite::Connection& connection, const std::string& name);
void write_type(sqlite::Database& database, const std::string& name);
/// What a later program's upgrade leaves, as far as this one looks at it.
void upgrade_to_999(sqlite::Connection& connection);
/// How many types were inserted by the above.
std::int64_t count_types(sqlite::Database& database);

/// Runs SQL in the stock shell.
Ran stock_shell(const std::filesystem::path& file, const std::string& sql);

/// Runs `body` in a forked child, which exits with what it answers, or 99 where it throws.
pid_t in_child(const std::function<int()>& body);
/// Waits for a child; its exit code, or 128 + signal.
int wait_for(pid_t child);

/// The message of the exception of type E that `run` throws; fails the test where it doesn't.
template <class E, class Run>
std::string message_of(const Run& run) {
    try {
        run();
    } catch (const E& error) {
        return error.what();
    }
    FAIL("nothing was thrown");
    return {};
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace custody::testing
