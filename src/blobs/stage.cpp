#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include <custody/error.hpp>

#include "base/sha256.hpp"
#include "blobs/blob_store.hpp"
#include "blobs/durable.hpp"
#include "blobs/errors.hpp"
#include "blobs/moving_source.hpp"
#include "blobs/read_lease.hpp"

namespace custody::blobs {

namespace {

bool lies_in(const std::filesystem::path& path, const std::filesystem::path& folder) {
    std::error_code error;
    const auto real = std::filesystem::canonical(folder, error);
    return !error && std::mismatch(real.begin(), real.end(), path.begin(), path.end()).first == real.end();
}

}  // namespace

Incoming BlobStore::make_incoming() const { return Incoming::make(blobs(), trash(), modes_.payload(), abilities_); }

Staged BlobStore::seal(Incoming file, const Hashed& hashed, Sync sync) const {
    if (sync == Sync::now) sync_file(file.get(), file.shown());
    const auto status = look_at(file.get(), file.shown());
    if (static_cast<std::uint64_t>(status.st_size) != hashed.size_bytes) {
        throw IoError("can't store what was read: " + file.shown().string() + " has " + std::to_string(status.st_size) +
                          " bytes, and " + std::to_string(hashed.size_bytes) + " were hashed",
                      EIO);
    }
    Staged staged(std::move(file), hashed);
    staged.mtime_ns_ = blobs::mtime_ns(status);
    return staged;
}

Staged BlobStore::stage_copy(int source, const std::filesystem::path& path, const Progress& progress, Sync sync) const {
    const auto before = look_at(source, path);
    if (S_ISDIR(before.st_mode)) throw SourceIsDirectory("the source is a folder: " + path.string() + "; give a file", EISDIR);
    const off_t start = ::lseek(source, 0, SEEK_CUR);
    auto file = make_incoming();
    const auto size_hint = S_ISREG(before.st_mode) ? static_cast<std::uint64_t>(std::max<off_t>(before.st_size - start, 0))
                                                   : std::uint64_t{1} << 20U;
    const auto hashed = copy_and_hash({source, path}, {file.get(), file.shown()}, size_hint, abilities_, progress);
    if (S_ISREG(before.st_mode)) {
        // The size too, for times of the file system's may be coarser than a quick writer. (In /proc sizes are 0.)
        const bool whole =
            before.st_size == 0 || start + static_cast<off_t>(hashed.size_bytes) == std::max(before.st_size, start);
        if (!whole || !unchanged(before, look_at(source, path))) throw_changed(path);
    }
    return seal(std::move(file), hashed, sync);
}

std::optional<Staged> BlobStore::stage_clone(int source, const std::filesystem::path& path, const Progress& progress,
                                             Sync sync) const {
    const auto before = look_at(source, path);
    auto file = make_incoming();
    if (!abilities_.clone || ::ioctl(file.get(), FICLONE, source) != 0) return std::nullopt;
    const auto hashed = hash_file(file.get(), file.shown(), progress);
    if (!unchanged(before, look_at(source, path)) || hashed.size_bytes != static_cast<std::uint64_t>(before.st_size)) {
        throw_changed(path);
    }
    return seal(std::move(file), hashed, sync);
}

// The folders around the view: what programs make in their temp folders is theirs.
bool BlobStore::is_stores(const std::filesystem::path& place) const {
    if (own_view_.empty()) return false;
    const auto storage = own_view_.parent_path();
    const auto temp = storage / "temp";
    return (lies_in(place, storage) && (place == temp || !lies_in(place, temp))) ||
           lies_in(place, storage.parent_path() / "audit");
}

void BlobStore::refuse_own(const std::filesystem::path& source, int folder) const {
    std::error_code error;
    const auto real = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(folder), error);
    const auto place = error ? std::filesystem::canonical(std::filesystem::absolute(source).parent_path(), error) : real;
    if (lies_in(place, blobs()) || lies_in(place, trash()) || is_stores(place)) {
        throw InvalidArgument("the source " + source.string() + " belongs to the store itself and can't be moved; copy it");
    }
}

Staged BlobStore::stage_move(Descriptor source, const std::filesystem::path& path, const Progress& progress) const {
    auto moving = std::make_unique<MovingSource>(path, source.get());
    refuse_own(path, moving->folder());
    struct stat folder {};
    if (::stat(blobs().c_str(), &folder) != 0) throw_io(errno, "look at the folder", blobs());
    if (moving->may_become_payload(source.get(), folder.st_dev, abilities_)) {
        const auto before = look_at(source.get(), path);
        const auto hashed = hash_file(source.get(), path, progress);
        if (!unchanged(before, look_at(source.get(), path))) throw_changed(path);
        if (read_lease_holds(source.get())) {
            auto staged = seal(Incoming(std::move(source), path, trash(), abilities_), hashed, Sync::now);
            moving->set_step(MovingSource::Step::rename);
            staged.moving_ = std::move(moving);
            return staged;
        }
        end_read_lease(source.get());  // somebody waits to write
        if (::lseek(source.get(), 0, SEEK_SET) < 0) throw_io(errno, "read", path);
    }
    auto staged = stage_copy(source.get(), path, progress, Sync::now);
    staged.moving_ = std::move(moving);
    return staged;
}

Staged BlobStore::stage_file(const std::filesystem::path& source, Transfer transfer, const Progress& progress, Sync sync) {
    auto file = open_source(source, own_view_);
    if (transfer == Transfer::move) return stage_move(std::move(file), source, progress);
    if (transfer == Transfer::reflink) {
        if (auto staged = stage_clone(file.get(), source, progress, sync)) return std::move(*staged);
    }
    return stage_copy(file.get(), source, progress, sync);
}

std::optional<Staged> BlobStore::stage_stored(const std::filesystem::path& source, std::span<const Candidate> candidates,
                                              const Progress& progress) const {
    const auto file = open_source(source, own_view_);
    const auto before = look_at(file.get(), source);
    std::optional<Hashed> known;  // of the whole file
    for (const auto& [digest, trusted] : candidates) {
        const auto name = path_of(digest);
        const Descriptor stored(::open(name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (!stored) continue;  // whatever is the matter with it: the copy heals it
        const auto status = look_at(stored.get(), name);
        if (!S_ISREG(status.st_mode) || status.st_size != before.st_size) continue;
        if (::lseek(file.get(), 0, SEEK_SET) < 0) throw_io(errno, "read", source);
        try {
            const NamedFile mine{file.get(), source}, theirs{stored.get(), name};
            const auto size = static_cast<std::uint64_t>(before.st_size);
            // To hash what then turns out to be new would be to read it twice.
            if (trusted && !is_alike(mine, theirs, size)) continue;
            if (trusted && !known) known = hash_file(file.get(), source, progress);
            const auto hashed = trusted ? known : hash_if_same(mine, theirs, size, progress);
            if (!hashed || hashed->digest != digest) continue;
            if (!unchanged(before, look_at(file.get(), source))) return std::nullopt;
            Staged staged(Incoming(Descriptor(), name, trash(), abilities_), *hashed);
            staged.mtime_ns_ = blobs::mtime_ns(status);
            return staged;
        } catch (const IoError& error) {
            if (error.code() != EIO) throw;  // of either file: the copy tells
        }
    }
    return std::nullopt;
}

Staged BlobStore::stage_descriptor(int descriptor, const Progress& progress, Sync sync) {
    const int flags = ::fcntl(descriptor, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY || (flags & O_PATH) != 0) {
        throw InvalidArgument("the file descriptor " + std::to_string(descriptor) + " is not open for reading");
    }
    return stage_copy(descriptor, "file descriptor " + std::to_string(descriptor), progress, sync);
}

Staged BlobStore::stage_bytes(std::string_view content, Sync sync) {
    auto file = make_incoming();
    write_all(file.get(), content, file.shown());
    return seal(std::move(file), {base::sha256(content), content.size()}, sync);
}

}  // namespace custody::blobs
