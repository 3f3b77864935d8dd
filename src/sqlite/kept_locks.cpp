#include "sqlite/kept_locks.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace custody::sqlite {

namespace {

// What SQLite locks for reading as long as it has a database in WAL mode open (os_unix.c: SHARED_FIRST, SHARED_SIZE;
// UNIX_SHM_DMS).
constexpr off_t shared_first = 0x40000002;
constexpr off_t shared_size = 510;
constexpr off_t shm_is_alive = 128;

struct File {
    struct stat status {};
    off_t first, size;
    bool is_there;
    File(const std::string& path, off_t first_byte, off_t bytes)
        : first(first_byte), size(bytes), is_there(::stat(path.c_str(), &status) == 0) {}
};

// Of the open file description, which nothing but its own last close drops.
void lock(int descriptor, const File& file) {
    struct flock lock {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = file.first;
    lock.l_len = file.size;
    (void)::fcntl(descriptor, F_OFD_SETLK, &lock);
}

// SQLite doesn't tell its descriptors. To open the files here would be the very thing that this is against.
void lock_descriptors(const std::filesystem::path& database) {
    const File files[] = {{database.string(), shared_first, shared_size}, {database.string() + "-shm", shm_is_alive, 1}};
    const std::unique_ptr<DIR, int (*)(DIR*)> descriptors(::opendir("/proc/self/fd"), ::closedir);
    if (!descriptors) return;
    while (const auto* entry = ::readdir(descriptors.get())) {
        if (entry->d_name[0] == '.') continue;
        // By its name: most of them are other threads' affair, and may be closed at this moment.
        struct stat status {};
        if (::fstatat(::dirfd(descriptors.get()), entry->d_name, &status, 0) != 0) continue;
        for (const auto& file : files) {
            if (file.is_there && file.status.st_dev == status.st_dev && file.status.st_ino == status.st_ino) {
                lock(std::atoi(entry->d_name), file);
            }
        }
    }
}

}  // namespace

void keep_locks(const std::filesystem::path& database) noexcept {
    try {
        lock_descriptors(database);
    } catch (const std::exception&) {
        // No memory: SQLite's own locks are there.
    }
}

}  // namespace custody::sqlite
