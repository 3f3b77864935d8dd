#include "manager/payload_copy.hpp"

#include <cerrno>
#include <custody/error.hpp>

namespace custody::manager {

namespace {

using Outcome = PayloadCopy::Outcome;

// Whether it is the source that can't be read: an EIO may be of either disk.
bool is_unreadable(const blobs::BlobStore& from, const Digest& digest) {
    try {
        (void)from.matches(digest);
        return false;
    } catch (const IoError&) {
        return true;
    }
}

/// So often a payload is read anew whose file got or lost a name meanwhile (a named link, a cleanup), which shows like a change.
constexpr int most_attempts = 10;

PayloadCopy copy_once(const blobs::BlobStore& from, blobs::BlobStore& to, const Digest& digest, const blobs::Progress& progress) {
    const auto path = from.path_of(digest).string();
    blobs::Descriptor file;
    try {
        if (!from.stat(digest)) return {Outcome::missing, "no file " + path};
        file = from.open(digest);
    } catch (const Corruption& error) {
        return {Outcome::missing, error.what()};
    } catch (const IoError& error) {
        return {Outcome::damaged, error.what()};
    }
    try {
        auto staged = to.stage_descriptor(file.get(), progress);
        if (staged.digest() != digest) return {Outcome::damaged, "its bytes are not those that were stored: " + path};
        to.publish(staged, false);
        return {Outcome::copied, {}, staged.mtime_ns()};
    } catch (const IoError& error) {
        if (error.code() != EIO || !is_unreadable(from, digest)) throw;
        return {Outcome::damaged, error.what()};
    }
}

}  // namespace

PayloadCopy copy_payload(const blobs::BlobStore& from, blobs::BlobStore& to, const Digest& digest, std::uint64_t size_bytes,
                         bool rehash, const blobs::Progress& progress) {
    const auto there = to.stat(digest);
    if (there && there->size_bytes == size_bytes && (!rehash || to.matches(digest))) {
        return {Outcome::there, {}, there->mtime_ns};
    }
    for (int attempt = 1;; ++attempt) {
        try {
            return copy_once(from, to, digest, progress);
        } catch (const IoError& error) {
            if (error.code() != EBUSY || attempt == most_attempts) throw;
        }
    }
}

}  // namespace custody::manager
