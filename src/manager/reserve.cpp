#include "manager/reserve.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <new>

#include "blobs/descriptor.hpp"

namespace custody::manager {

namespace {

// Enough for the log and the catalog to take the removals of some hundred artifacts.
constexpr off_t reserve_bytes = 1 << 20;
// A disk with less room than this is left what it has.
constexpr std::uint64_t least_room_bytes = 4ULL << 20U;

std::filesystem::path reserve_of(const Layout& layout) { return layout.temp() / "reserve"; }

}  // namespace

void make_reserve(const Layout& layout, unsigned mode) noexcept try {
    const auto path = reserve_of(layout);
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && status.st_size >= reserve_bytes) return;
    struct statvfs disk {};
    if (::statvfs(layout.temp().c_str(), &disk) != 0 || disk.f_bavail * disk.f_frsize < least_room_bytes) return;
    const blobs::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!file) return;
    if (::fallocate(file.get(), 0, 0, reserve_bytes) != 0) ::unlink(path.c_str());
} catch (const std::bad_alloc&) {
    // No memory for the name: the next removal makes it.
}

bool release_reserve(const Layout& layout) noexcept try {
    return ::unlink(reserve_of(layout).c_str()) == 0;
} catch (const std::bad_alloc&) {
    return false;
}

}  // namespace custody::manager
