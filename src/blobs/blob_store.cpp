#include "blobs/blob_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include <custody/error.hpp>

#include "blobs/durable.hpp"
#include "blobs/errors.hpp"
#include "blobs/moving_source.hpp"

namespace custody::blobs {

Staged::Staged(Incoming file, const Hashed& hashed) noexcept
    : file_(std::move(file)), digest_(hashed.digest), size_bytes_(hashed.size_bytes) {}
Staged::Staged(Staged&&) noexcept = default;
Staged& Staged::operator=(Staged&&) noexcept = default;
Staged::~Staged() = default;

void Staged::close() noexcept {
    if (!moving_) file_.close();
}

BlobStore::BlobStore(std::filesystem::path root, Modes modes, std::filesystem::path own_view, const Abilities& abilities)
    : root_(std::move(root)),
      blobs_(root_ / "blobs"),
      modes_(modes),
      own_view_(std::move(own_view)),
      abilities_(abilities),
      durable_folders_(std::make_shared<DurableFolders>()) {}

void BlobStore::create() {
    make_folder(blobs(), modes_.folder());
    make_folder(trash(), modes_.folder());
}

std::optional<Barrier> BlobStore::barrier() const {
    return Barrier::works_in(blobs(), abilities_) ? std::optional<Barrier>(blobs()) : std::nullopt;
}

std::filesystem::path BlobStore::path_of(const Digest& digest) const { return name_of(digest); }

std::string BlobStore::name_of(const Digest& digest) const {
    const std::string hex = digest.hex();
    std::string name;
    name.reserve(blobs_.native().size() + 4 + hex.size());
    return name.append(blobs_.native()).append("/").append(hex, 0, 2).append("/").append(hex);
}

std::optional<BlobStat> BlobStore::stat(const Digest& digest) const {
    const auto path = name_of(digest);
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        if (errno == ENOENT) return std::nullopt;
        throw_io(errno, "look at the payload", path);
    }
    if (!S_ISREG(status.st_mode)) return std::nullopt;
    return BlobStat{static_cast<std::uint64_t>(status.st_size), blobs::mtime_ns(status)};
}

Descriptor BlobStore::open(const Digest& digest) const {
    const auto path = path_of(digest);
    Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file && errno == ENOENT) throw Corruption("the payload " + digest.hex() + " is missing: there is no " + path.string());
    if (!file && errno != ELOOP) throw_io(errno, "open the payload", path);
    if (!file || !S_ISREG(look_at(file.get(), path).st_mode)) {
        throw Corruption("the payload " + digest.hex() + " is no regular file: " + path.string());
    }
    return file;
}

bool BlobStore::matches(const Digest& digest, const Progress& progress) const {
    if (!stat(digest)) return false;
    try {
        const auto file = open(digest);
        return hash_in_place({file.get(), path_of(digest)}, abilities_, progress).digest == digest;
    } catch (const Corruption&) {
        return false;  // it went between the two looks
    }
}

}  // namespace custody::blobs
