#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <functional>

#include <custody/ids.hpp>

namespace custody::blobs {

/// What went through, and its SHA-256.
struct Hashed {
    Digest digest;
    std::uint64_t size_bytes;
};

/// Reads `from` to its end (from where it stands) and hashes what comes; with `to` ≥ 0 each piece is written there first, so
/// that the hash is of the bytes written. Waits where `from` does not block. `size_hint_bytes` only sizes the buffer.
/// @throws IoError naming the path that failed
Hashed copy_and_hash(int from, const std::filesystem::path& from_path, int to, const std::filesystem::path& to_path,
                     std::uint64_t size_hint_bytes, const std::function<void(std::uint64_t)>& progress = {});

/// Hashes an open file from its beginning. @throws IoError
Hashed hash_file(int file, const std::filesystem::path& path, const std::function<void(std::uint64_t)>& progress = {});

/// fstat. @throws IoError naming `path`
struct stat look_at(int file, const std::filesystem::path& path);

/// Whether both are the same file in the same state: inode, size, modification and change time.
bool unchanged(const struct stat& before, const struct stat& after);

/// Modification time in nanoseconds since 1970.
std::int64_t mtime_ns(const struct stat& status);

}  // namespace custody::blobs
