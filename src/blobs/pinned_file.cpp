#include "blobs/pinned_file.hpp"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <thread>

#include "blobs/durable.hpp"
#include "blobs/read_lease.hpp"

namespace custody::blobs {

namespace {

// Below, the calls for each window take as long as a copy; above, nothing is gained.
constexpr std::uint64_t least_window_bytes = std::uint64_t{1} << 18U;
constexpr std::uint64_t most_window_bytes = std::uint64_t{4} << 20U;

// What a process may lock (8 MiB where nothing else is set) shared among as many threads as would hash at once.
std::uint64_t window_bytes() {
    rlimit locked{};
    if (::getrlimit(RLIMIT_MEMLOCK, &locked) != 0) return least_window_bytes;
    const auto share = std::uint64_t{locked.rlim_cur} / std::max(1U, std::thread::hardware_concurrency());
    return std::clamp(std::bit_floor(share), least_window_bytes, most_window_bytes);
}

// What is there stays there. By mlock alone, a sector that can't be read would have the kernel try for ever (seen with
// Linux 6.18), and no signal but SIGKILL ends that; so the pages are asked for by what tells of it, and locked as they come.
bool pin(void* memory, std::size_t count) {
    return ::mlock2(memory, count, MLOCK_ONFAULT) == 0 && ::madvise(memory, count, MADV_POPULATE_READ) == 0;
}

}  // namespace

PinnedFile::PinnedFile(int file, std::uint64_t size_bytes, const Abilities& abilities)
    : file_(file),
      size_(size_bytes),
      most_(window_bytes()),
      leased_(abilities.lease && !is_on_network(file) && take_read_lease(file)) {}

PinnedFile::~PinnedFile() {
    let_go();
    if (leased_) end_read_lease(file_);
}

void PinnedFile::let_go() noexcept {
    if (!window_.empty()) ::munmap(window_.data(), window_.size());
    window_ = {};
}

std::span<const std::byte> PinnedFile::next() {
    let_go();
    const auto count = static_cast<std::size_t>(std::min(most_, size_ - at_));
    if (!leased_ || count == 0 || !read_lease_holds(file_)) return {};
    void* memory = ::mmap(nullptr, count, PROT_READ, MAP_SHARED, file_, static_cast<off_t>(at_));
    if (memory == MAP_FAILED) return {};
    window_ = {static_cast<std::byte*>(memory), count};
    if (!pin(memory, count)) {
        let_go();
        return {};
    }
    at_ += count;
    return window_;
}

}  // namespace custody::blobs
