#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include <custody/ids.hpp>

#include "blobs/abilities.hpp"

namespace custody::blobs {

/// What went through, and its SHA-256.
struct Hashed {
    Digest digest;
    std::uint64_t size_bytes;
};

/// An open file and what stands for it in messages.
struct NamedFile {
    int descriptor;
    const std::filesystem::path& path;
};

/// Reads `from` to its end (from where it stands), writes it to `to`, an empty file, and hashes the very bytes that are written.
/// Large ones are written in the background. Waits where `from` does not block. `size_hint_bytes` is what is expected; where more
/// or less comes, it is all there nevertheless. @throws IoError naming the path that failed
Hashed copy_and_hash(NamedFile from, NamedFile to, std::uint64_t size_hint_bytes, const Abilities& abilities,
                     const std::function<void(std::uint64_t)>& progress = {});

/// Reads `from` to its end (from where it stands) and hashes it for as long as `to` has the same bytes at the same place; nothing
/// from where the two part. @throws IoError
std::optional<Hashed> hash_if_same(NamedFile from, NamedFile to, std::uint64_t size_bytes,
                                   const std::function<void(std::uint64_t)>& progress = {});

/// Whether two files of one size have the same bytes at sixteen places from their first to their last, which tells nearly all
/// that differ. @throws IoError
bool is_alike(NamedFile a, NamedFile b, std::uint64_t size_bytes);

/// Hashes an open file from its beginning. @throws IoError
Hashed hash_file(int file, const std::filesystem::path& path, const std::function<void(std::uint64_t)>& progress = {});

/// The same of a file of the store's, without a copy of its bytes where that can be had (PinnedFile). Who wants to write to it
/// meanwhile waits for some milliseconds. @throws IoError
Hashed hash_in_place(NamedFile file, const Abilities& abilities, const std::function<void(std::uint64_t)>& progress = {});

/// fstat. @throws IoError naming `path`
struct stat look_at(int file, const std::filesystem::path& path);

/// Whether both are the same file in the same state: inode, size, modification and change time.
bool unchanged(const struct stat& before, const struct stat& after);

/// Modification time in nanoseconds since 1970.
std::int64_t mtime_ns(const struct stat& status);

}  // namespace custody::blobs
