#include "sqlite/layer.hpp"

#include <sqlite3.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <new>

namespace custody::sqlite {

namespace {

/// The methods of the system's files, with one of ours.
struct Methods {
    sqlite3_io_methods ours;  // first: a file's methods lead to it
    const sqlite3_io_methods* systems;
};

// SQLite makes sure of one byte in each 4096 of the WAL's index. On a file system with smaller blocks the rest may have no room,
// and touching it would end the process by SIGBUS. (Where the kernel doesn't know the question, nothing is lost.)
int map_index(sqlite3_file* file, int region, int size, int extend, void volatile** memory) {
    const auto* methods = reinterpret_cast<const Methods*>(file->pMethods);
    const int code = methods->systems->xShmMap(file, region, size, extend, memory);
    if (code != SQLITE_OK || extend == 0 || *memory == nullptr) return code;
    auto* const start = const_cast<void*>(*memory);
    if (reinterpret_cast<std::uintptr_t>(start) % static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE)) != 0) return code;
    if (::madvise(start, static_cast<std::size_t>(size), MADV_POPULATE_WRITE) == 0 || errno == EINVAL) return code;
    errno = ENOSPC;
    return SQLITE_IOERR_SHMSIZE;
}

// One for each kind of file that the system has; SQLite keeps pointers to them.
const sqlite3_io_methods* with_ours(const sqlite3_io_methods* systems) {
    static std::mutex mutex;
    static auto& known = *new std::map<const sqlite3_io_methods*, std::unique_ptr<Methods>>();  // files may outlive statics
    const std::lock_guard lock(mutex);
    auto& methods = known[systems];
    if (!methods) {
        methods = std::make_unique<Methods>(Methods{*systems, systems});
        methods->ours.xShmMap = map_index;
    }
    return &methods->ours;
}

int open_database(sqlite3_vfs* system, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    const int code = system->xOpen(system, name, file, flags, out_flags);
    if (file->pMethods == nullptr || file->pMethods->iVersion < 2) return code;
    try {
        file->pMethods = with_ours(file->pMethods);
    } catch (const std::bad_alloc&) {
        return SQLITE_NOMEM;  // SQLite closes the file, which it knows to be open by its methods
    }
    return code;
}

int open_file(sqlite3_vfs* /*layer*/, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto* const system = sqlite3_vfs_find(nullptr);
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0) return open_database(system, name, file, flags, out_flags);
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
