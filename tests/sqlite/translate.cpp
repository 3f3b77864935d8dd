#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <cerrno>
#include <custody/error.hpp>
#include <new>

#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

void translate(int code) {
    try {
        throw SQLite::Exception("what SQLite said", code);
    } catch (...) {
        sqlite::rethrow_translated("doing this", nullptr);
    }
}

int errno_of(int code) {
    try {
        translate(code);
    } catch (const IoError& error) {
        CHECK(contains(error.what(), "doing this"));
        CHECK(contains(error.what(), "what SQLite said"));
        return error.code();
    }
    return 0;
}

}  // namespace

TEST_CASE("each of SQLite's errors comes out as the one of custody that says what to do") {
    CHECK(contains(message_of<Busy>([] { translate(SQLITE_BUSY); }), "nothing was changed"));
    CHECK_THROWS_AS(translate(SQLITE_BUSY_SNAPSHOT), Busy);
    CHECK_THROWS_AS(translate(SQLITE_LOCKED), Busy);
    CHECK(errno_of(SQLITE_FULL) == ENOSPC);
    CHECK(errno_of(SQLITE_IOERR_FSYNC) == EIO);
    CHECK(errno_of(SQLITE_IOERR_READ) == EIO);
    CHECK(errno_of(SQLITE_READONLY) == EROFS);
    CHECK(errno_of(SQLITE_READONLY_DBMOVED) == EROFS);
    CHECK(errno_of(SQLITE_CANTOPEN) == EACCES);
    CHECK(contains(message_of<Corruption>([] { translate(SQLITE_CORRUPT); }), "restore a backup"));
    CHECK_THROWS_AS(translate(SQLITE_CORRUPT_INDEX), Corruption);
    CHECK_THROWS_AS(translate(SQLITE_NOTADB), Error);
    CHECK_THROWS_AS(translate(SQLITE_CONSTRAINT_FOREIGNKEY), Error);
    CHECK_THROWS_AS(translate(SQLITE_ERROR), Error);
}

TEST_CASE("what SQLite didn't throw comes through as it is") {
    const auto rethrow = [](const auto& exception) {
        try {
            throw exception;
        } catch (...) {
            sqlite::rethrow_translated("doing this", nullptr);
        }
    };
    CHECK_THROWS_AS(rethrow(Conflict("x")), Conflict);
    CHECK_THROWS_AS(rethrow(std::bad_alloc()), std::bad_alloc);
}
