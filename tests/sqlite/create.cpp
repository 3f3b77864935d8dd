#include <sys/stat.h>

#include <unistd.h>
#include <custody/error.hpp>
#include <set>

#include "sqlite/migrations.hpp"
#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

std::set<std::string> names_in(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
    return names;
}

}  // namespace

TEST_CASE("a new database is one whole file of the newest version with the wanted permissions") {
    for (const unsigned mode : {0600U, 0660U}) {
        const Scratch scratch;
        const auto file = scratch / "catalog.db";
        CHECK(sqlite::Database::create(file, mode, insert_store_row));
        CHECK(names_in(scratch.path()) == std::set<std::string>{"catalog.db"});
        struct stat status {};
        REQUIRE(::stat(file.c_str(), &status) == 0);
        CHECK((status.st_mode & 07777U) == mode);
        CHECK(stock_shell(file, "PRAGMA user_version; PRAGMA journal_mode; SELECT count(*) FROM store;").out ==
              std::to_string(sqlite::newest_version()) + "\nwal\n1\n");
    }
}

TEST_CASE("a database that is there is never made over") {
    const TestDatabase test;
    write_type(*test.open(), "x");
    const auto before = test.files();
    CHECK_FALSE(sqlite::Database::create(test.file, 0600, insert_store_row));
    CHECK(test.files() == before);
}

TEST_CASE("a database whose first rows fail is not made at all") {
    const Scratch scratch;
    CHECK_THROWS_AS(sqlite::Database::create(scratch / "catalog.db", 0600, [](sqlite::Connection&) { throw Conflict("x"); }),
                    Conflict);
    CHECK(names_in(scratch.path()).empty());
    CHECK_THROWS_AS(sqlite::Database::create(scratch / "missing" / "catalog.db", 0600, insert_store_row), IoError);
}

TEST_CASE("of many that make it at once one is first and all can use it") {
    const Scratch scratch;
    const auto file = scratch / "catalog.db";
    std::vector<pid_t> children;
    for (int i = 0; i < 6; ++i) {
        children.push_back(in_child([&] {
            const bool first = sqlite::Database::create(file, 0600, insert_store_row);
            sqlite::Database database(file, scratch / "write-queue", {});
            write_type(database, "t" + std::to_string(::getpid()));
            return first ? 1 : 0;
        }));
    }
    int first = 0;
    for (const auto child : children) {
        const int code = wait_for(child);
        CHECK(code <= 1);
        first += code;
    }
    CHECK(first == 1);
    sqlite::Database database(file, scratch / "write-queue", {});
    CHECK(count_types(database) == 6);
}
