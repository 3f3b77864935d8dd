#include "blobs/copy.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

#include <custody/error.hpp>

#include "base/sha256.hpp"
#include "blobs/durable.hpp"
#include "blobs/errors.hpp"

namespace custody::blobs {

namespace {

constexpr std::size_t buffer_bytes = std::size_t{1} << 20U;
constexpr std::size_t page_bytes = 4096;
constexpr std::uint64_t writeback_bytes = std::uint64_t{8} << 20U;

struct Free {
    void operator()(std::byte* memory) const noexcept { std::free(memory); }
};

/// A page-aligned buffer, no larger than a small file needs (one byte more, to see its end at once).
class Buffer {
   public:
    explicit Buffer(std::uint64_t size_hint_bytes)
        : size_(size_hint_bytes < buffer_bytes ? (static_cast<std::size_t>(size_hint_bytes) / page_bytes + 1) * page_bytes
                                               : buffer_bytes),
          memory_(static_cast<std::byte*>(std::aligned_alloc(page_bytes, size_))) {
        if (!memory_) throw std::bad_alloc();
    }
    [[nodiscard]] std::byte* data() const { return memory_.get(); }
    [[nodiscard]] std::size_t size() const { return size_; }

   private:
    std::size_t size_;
    std::unique_ptr<std::byte, Free> memory_;
};

/// A signal ends the wait for a slow source for as long as `signalled` takes: it may stop the work by an exception.
template <class Signalled>
std::size_t read_some(int from, std::byte* data, std::size_t size, const std::filesystem::path& path,
                      const Signalled& signalled) {
    for (;;) {
        const ssize_t count = ::read(from, data, size);
        if (count >= 0) return static_cast<std::size_t>(count);
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            pollfd wait{from, POLLIN, 0};
            if (::poll(&wait, 1, -1) >= 0) continue;
        }
        if (errno != EINTR) throw_io(errno, "read", path);
        signalled();
    }
}

}  // namespace

Hashed copy_and_hash(int from, const std::filesystem::path& from_path, int to, const std::filesystem::path& to_path,
                     std::uint64_t size_hint_bytes, const std::function<void(std::uint64_t)>& progress) {
    const Buffer buffer(size_hint_bytes);
    base::Sha256 sha256;
    std::uint64_t done = 0;
    std::uint64_t flushed = 0;
    if (size_hint_bytes > buffer_bytes) ::posix_fadvise(from, 0, 0, POSIX_FADV_SEQUENTIAL);
    const auto tell = [&] {
        if (progress) progress(done);
    };
    while (const std::size_t count = read_some(from, buffer.data(), buffer.size(), from_path, tell)) {
        const std::span<const std::byte> piece(buffer.data(), count);
        if (to >= 0) write_all(to, {reinterpret_cast<const char*>(piece.data()), count}, to_path);
        sha256.update(piece);
        done += count;
        if (to >= 0 && done - flushed >= writeback_bytes) {
            // The disk works while the rest is read and hashed; only a hint, so a refusal means nothing.
            ::sync_file_range(to, static_cast<off_t>(flushed), static_cast<off_t>(done - flushed), SYNC_FILE_RANGE_WRITE);
            flushed = done;
        }
        tell();
    }
    return {sha256.finish(), done};
}

Hashed hash_file(int file, const std::filesystem::path& path, const std::function<void(std::uint64_t)>& progress) {
    if (::lseek(file, 0, SEEK_SET) < 0) throw_io(errno, "read", path);
    const auto size = static_cast<std::uint64_t>(look_at(file, path).st_size);
    return copy_and_hash(file, path, -1, {}, size, progress);
}

struct stat look_at(int file, const std::filesystem::path& path) {
    struct stat status {};
    if (::fstat(file, &status) != 0) throw_io(errno, "look at", path);
    return status;
}

bool unchanged(const struct stat& before, const struct stat& after) {
    const auto same = [](const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; };
    return before.st_dev == after.st_dev && before.st_ino == after.st_ino && before.st_size == after.st_size &&
           same(before.st_mtim, after.st_mtim) && same(before.st_ctim, after.st_ctim);
}

std::int64_t mtime_ns(const struct stat& status) {
    return static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
}

}  // namespace custody::blobs
