// The program's own fsync and its kin take the place of the C library's, in every library that it has loaded.

#include "bench/harness/sync_count.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

namespace {

std::atomic<std::uint64_t>& count() {
    static std::atomic<std::uint64_t> syncs{0};
    return syncs;
}

int counted(long call, int file) {
    ++count();
    return static_cast<int>(::syscall(call, file));
}

}  // namespace

extern "C" {
__attribute__((visibility("default"))) int fsync(int file) { return counted(SYS_fsync, file); }
__attribute__((visibility("default"))) int fdatasync(int file) { return counted(SYS_fdatasync, file); }
__attribute__((visibility("default"))) int syncfs(int file) noexcept { return counted(SYS_syncfs, file); }
}

namespace custody::bench {

std::uint64_t syncs_so_far() noexcept { return count(); }

}  // namespace custody::bench
