#include "blobs/barrier.hpp"

#include <fcntl.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "blobs/errors.hpp"

namespace custody::blobs {

namespace {

/// From linux/magic.h: ext2 to ext4, XFS, btrfs, F2FS, tmpfs.
constexpr std::array<std::uint32_t, 5> trusted{0x0000ef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x01021994};

/// They wait for the disk, and not for a processor.
constexpr std::size_t most_at_once = 16;

bool kernel_reports_errors() {
    struct utsname name {};
    int major = 0;
    int minor = 0;
    if (::uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return false;
    return major > 5 || (major == 5 && minor >= 8);
}

}  // namespace

bool Barrier::works_in(const std::filesystem::path& folder, const Abilities& abilities) {
    struct statfs status {};
    if (!abilities.syncfs || !kernel_reports_errors()) return false;
    if (::statfs(folder.c_str(), &status) != 0) throw_io(errno, "look at the file system of", folder);
    return std::find(trusted.begin(), trusted.end(), static_cast<std::uint32_t>(status.f_type)) != trusted.end();
}

Barrier::Barrier(const std::filesystem::path& folder)
    : folder_(folder), open_folder_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (!open_folder_) throw_io(errno, "open the folder", folder);
}

void Barrier::sync() const {
    if (::syncfs(open_folder_.get()) != 0) throw_io(errno, "make durable what was written in", folder_);
}

void sync_at_once(std::size_t count, const std::function<void(std::size_t)>& sync) {
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::exception_ptr failure;
    const auto work = [&] {
        try {
            for (auto i = next++; i < count; i = next++) sync(i);
        } catch (...) {
            next = count;
            const std::lock_guard lock(mutex);
            if (!failure) failure = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> others;
        try {
            while (others.size() + 1 < std::min(count, most_at_once)) others.emplace_back(work);
        } catch (const std::exception&) {
            // Fewer do it, too.
        }
        work();
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace custody::blobs
