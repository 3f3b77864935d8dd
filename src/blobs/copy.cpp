#include "blobs/copy.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include <custody/error.hpp>

#include "base/sha256.hpp"
#include "blobs/aligned_buffer.hpp"
#include "blobs/background_hash.hpp"
#include "blobs/durable.hpp"
#include "blobs/errors.hpp"
#include "blobs/piece_writer.hpp"
#include "blobs/pinned_file.hpp"

namespace custody::blobs {

namespace {

// What stays in a core's own cache.
constexpr std::size_t most_buffer_bytes = std::size_t{1} << 20U;
// What is hashed and not written: pieces that are still in the nearest caches when the hash comes, which is 3 % quicker.
constexpr std::uint64_t hashed_at_once_bytes = std::uint64_t{1} << 18U;
// From here on a copy of the bytes costs more than what spares it.
constexpr std::uint64_t pinned_from_bytes = std::uint64_t{1} << 18U;

// A buffer no larger than a small file needs; one byte more, to see its end at once.
AlignedBuffer buffer_for(std::uint64_t size_hint_bytes) {
    const bool is_small = size_hint_bytes < most_buffer_bytes;
    return AlignedBuffer(is_small ? (static_cast<std::size_t>(size_hint_bytes) / page_bytes + 1) * page_bytes
                                  : most_buffer_bytes);
}

/// What comes out of a file, piece by piece, hashed on its way.
class Source {
   public:
    Source(NamedFile file, std::uint64_t size_hint_bytes, const std::function<void(std::uint64_t)>& progress)
        : file_(file), progress_(progress) {
        if (size_hint_bytes > most_buffer_bytes) ::posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    /// As much as there is, a whole buffer unless it is the end.
    std::span<const std::byte> fill(std::span<std::byte> buffer) {
        std::size_t filled = 0;
        while (filled < buffer.size()) {
            const auto count = read_some(buffer.subspan(filled));
            if (count == 0) break;
            filled += count;
        }
        return buffer.first(filled);
    }
    /// To where what is hashed ends.
    void seek() const {
        if (::lseek(file_.descriptor, static_cast<off_t>(done_), SEEK_SET) < 0) throw_io(errno, "read", file_.path);
    }
    void hash(std::span<const std::byte> piece) {
        sha256_.update(piece);
        take(piece);
    }
    void hash_far(std::span<const std::byte> piece) {
        sha256_.update_far(piece);
        take(piece);
    }
    BackgroundHash hash_in_background(std::size_t most_pending) { return {sha256_, most_pending}; }
    void hash(std::span<const std::byte> piece, BackgroundHash& hash) {
        hash.add(piece);
        take(piece);
    }
    [[nodiscard]] std::uint64_t done() const { return done_; }
    Hashed finish() { return {sha256_.finish(), done_}; }

   private:
    /// A signal ends the wait for a slow source for as long as it takes to tell: that may stop the work by an exception.
    std::size_t read_some(std::span<std::byte> to) const {
        for (;;) {
            const ssize_t count = ::read(file_.descriptor, to.data(), to.size());
            if (count >= 0) return static_cast<std::size_t>(count);
            if (errno == EAGAIN || errno == EWOULDBLOCK) {
                pollfd wait{file_.descriptor, POLLIN, 0};
                if (::poll(&wait, 1, -1) >= 0) continue;
            }
            if (errno != EINTR) throw_io(errno, "read", file_.path);
            tell();
        }
    }
    void take(std::span<const std::byte> piece) {
        done_ += piece.size();
        tell();
    }
    void tell() const {
        if (progress_) progress_(done_);
    }

    NamedFile file_;
    const std::function<void(std::uint64_t)>& progress_;
    base::Sha256 sha256_;
    std::uint64_t done_ = 0;
};

// Up to `most_bytes`, each piece written before it is hashed. False at the end.
bool copy_in_turn(Source& source, NamedFile to, std::uint64_t size_hint_bytes, std::uint64_t most_bytes) {
    const auto buffer = buffer_for(size_hint_bytes);
    while (source.done() < most_bytes) {
        const auto piece = source.fill(buffer.span());
        if (piece.empty()) return false;
        write_all(to.descriptor, {reinterpret_cast<const char*>(piece.data()), piece.size()}, to.path);
        source.hash(piece);
        if (piece.size() < buffer.size()) return false;
    }
    return true;
}

// Three things at once: the next piece is read, others are on their way to the disk, and one is hashed.
void copy_in_background(Source& source, PieceWriter& writer) {
    auto hash = source.hash_in_background(PieceWriter::pieces - 1);
    for (bool more = true; more;) {
        const auto buffer = writer.buffer();
        const auto piece = source.fill(buffer);
        more = piece.size() == buffer.size();
        if (!piece.empty()) writer.write(piece.size());
        source.hash(piece, hash);
    }
    writer.finish();
    hash.finish();
}

// What follows what is hashed already; its size is what is expected, and all that is there is hashed.
Hashed hash_rest(Source& source, std::uint64_t size_bytes) {
    source.seek();
    const auto buffer = buffer_for(std::min(size_bytes, hashed_at_once_bytes));
    for (auto piece = source.fill(buffer.span()); !piece.empty(); piece = source.fill(buffer.span())) source.hash(piece);
    return source.finish();
}

}  // namespace

Hashed copy_and_hash(NamedFile from, NamedFile to, std::uint64_t size_hint_bytes, const Abilities& abilities,
                     const std::function<void(std::uint64_t)>& progress) {
    Source source(from, size_hint_bytes, progress);
    // A small file, or what says nothing of its size, has no background until it turns out to be large.
    const bool is_large = size_hint_bytes >= large_bytes;
    if (is_large || copy_in_turn(source, to, size_hint_bytes, large_bytes)) {
        copy_in_background(source,
                           *make_piece_writer(to.descriptor, to.path, source.done(), is_large ? size_hint_bytes : 0, abilities));
    }
    return source.finish();
}

std::optional<Hashed> hash_if_same(NamedFile from, NamedFile to, std::uint64_t size_bytes,
                                   const std::function<void(std::uint64_t)>& progress) {
    Source source(from, size_bytes, progress);
    Source stored(to, size_bytes, {});
    const auto mine = buffer_for(size_bytes);
    const auto theirs = buffer_for(size_bytes);
    for (;;) {
        const auto piece = source.fill(mine.span());
        const auto other = stored.fill(theirs.span());
        const bool same = piece.size() == other.size() && std::memcmp(piece.data(), other.data(), piece.size()) == 0;
        if (!same) return std::nullopt;
        if (piece.empty()) return source.finish();
        source.hash(piece);
    }
}

bool is_alike(NamedFile a, NamedFile b, std::uint64_t size_bytes) {
    constexpr std::uint64_t places = 16;
    std::array<char, page_bytes> mine, theirs;
    const auto last = size_bytes - std::min<std::uint64_t>(size_bytes, page_bytes);
    for (std::uint64_t i = 0; i < places; ++i) {
        const auto place = static_cast<off_t>(last / (places - 1) * i + last % (places - 1) * i / (places - 1));
        const ssize_t count = ::pread(a.descriptor, mine.data(), mine.size(), place);
        if (count < 0) throw_io(errno, "read", a.path);
        const ssize_t other = ::pread(b.descriptor, theirs.data(), theirs.size(), place);
        if (other < 0) throw_io(errno, "read", b.path);
        if (count != other || std::memcmp(mine.data(), theirs.data(), static_cast<std::size_t>(count)) != 0) return false;
    }
    return true;
}

Hashed hash_file(int file, const std::filesystem::path& path, const std::function<void(std::uint64_t)>& progress) {
    const auto size = static_cast<std::uint64_t>(look_at(file, path).st_size);
    Source source({file, path}, size, progress);
    return hash_rest(source, size);
}

Hashed hash_in_place(NamedFile file, const Abilities& abilities, const std::function<void(std::uint64_t)>& progress) {
    const auto size = static_cast<std::uint64_t>(look_at(file.descriptor, file.path).st_size);
    Source source(file, size, progress);
    if (size >= pinned_from_bytes) {
        PinnedFile pinned(file.descriptor, size, abilities);
        for (auto piece = pinned.next(); !piece.empty(); piece = pinned.next()) source.hash_far(piece);
    }
    return hash_rest(source, size);
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
