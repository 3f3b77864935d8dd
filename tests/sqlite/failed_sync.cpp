// A sync that fails under a writer, by a layer between SQLite and the system.
#include <sqlite3.h>

#include <custody/error.hpp>
#include <map>

#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

bool failing = false;
sqlite3_vfs* real_vfs = nullptr;
int (*real_sync)(sqlite3_file*, int) = nullptr;  // one for every kind of file
std::map<const sqlite3_io_methods*, sqlite3_io_methods> watched;

int sync_or_fail(sqlite3_file* file, int flags) { return failing ? SQLITE_IOERR_FSYNC : real_sync(file, flags); }

int open_watched(sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    const int code = real_vfs->xOpen(real_vfs, name, file, flags, out_flags);
    if (code != SQLITE_OK || file->pMethods == nullptr) return code;
    real_sync = file->pMethods->xSync;
    auto& methods = watched.try_emplace(file->pMethods, *file->pMethods).first->second;
    methods.xSync = sync_or_fail;
    file->pMethods = &methods;
    return code;
}

/// While it lives, files that are opened can be made to fail.
struct Layer {
    Layer() : vfs(*(real_vfs = sqlite3_vfs_find(nullptr))) {
        vfs.zName = "failing";
        vfs.xOpen = open_watched;
        sqlite3_vfs_register(&vfs, 1);
    }
    Layer(const Layer&) = delete;
    Layer& operator=(const Layer&) = delete;
    ~Layer() {
        failing = false;
        sqlite3_vfs_unregister(&vfs);
        sqlite3_vfs_register(real_vfs, 1);
    }
    sqlite3_vfs vfs;
};

int version_of(const TestDatabase& test) { return std::stoi(stock_shell(test.file, "PRAGMA user_version;").out); }

}  // namespace

TEST_CASE("after a sync that failed the writer begins anew, and leaves the version as it finds it") {
    const TestDatabase test;
    const Layer layer;
    const auto database = test.open();
    write_type(*database, "a");
    failing = true;
    CHECK_THROWS_AS(write_type(*database, "lost"), IoError);
    failing = false;
    CHECK(count_types(*database) == 1);
    write_type(*database, "b");
    CHECK(count_types(*database) == 2);
    // Another process upgrades the store to one that this version may still write to; then a sync fails again.
    upgrade_to_999(*sqlite::open_connection(test.file, sqlite::Access::read_write));
    failing = true;
    CHECK_THROWS_AS(write_type(*database, "lost"), IoError);
    failing = false;
    write_type(*database, "c");
    CHECK(count_types(*database) == 3);
    CHECK(version_of(test) == 999);
}
