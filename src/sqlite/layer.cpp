#include "sqlite/layer.hpp"

#include <sqlite3.h>

namespace custody::sqlite {

namespace {

int open_file(sqlite3_vfs* /*layer*/, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto* const system = sqlite3_vfs_find(nullptr);
    constexpr int is_new_wal = SQLITE_OPEN_WAL | SQLITE_OPEN_CREATE;
    if ((flags & is_new_wal) == is_new_wal) {
        const int code = system->xOpen(system, name, file, flags & ~SQLITE_OPEN_CREATE, out_flags);
        if (code == SQLITE_OK) return code;
    }
    return system->xOpen(system, name, file, flags, out_flags);
}

}  // namespace

const char* file_layer() {
    static sqlite3_vfs layer = [] {
        auto copy = *sqlite3_vfs_find(nullptr);
        copy.zName = "custody";
        copy.xOpen = open_file;
        return copy;
    }();
    static const int registered = sqlite3_vfs_register(&layer, 0);
    return registered == SQLITE_OK ? layer.zName : nullptr;
}

}  // namespace custody::sqlite
