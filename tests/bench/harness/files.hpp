#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include <custody/ids.hpp>

namespace custody::bench {

/// A file of so many bytes that no compressor makes smaller; in the page cache afterwards, and on disk.
void make_file(const std::filesystem::path& file, std::uint64_t bytes);
/// Changes its first bytes, so that the content is new to every store; what was changed is on disk afterwards.
void alter_file(const std::filesystem::path& file);
/// So many small ones with new content each time, in a folder that was empty; on disk afterwards.
std::vector<std::filesystem::path> make_files(const std::filesystem::path& folder, std::size_t count, std::size_t bytes);
/// What a program reads of it at least: every byte once, hashed by OpenSSL, in a buffer of 1 MiB.
Digest hash_file(const std::filesystem::path& file);
/// The same for several files, on so many threads.
void hash_files(const std::vector<std::filesystem::path>& files, unsigned threads);
/// Everything that was written to its file system so far.
void sync_file_system(const std::filesystem::path& path);
/// A copy made by read and write, and synced.
void copy_and_sync(const std::filesystem::path& from, const std::filesystem::path& to);
/// Whether files can be cloned there (FICLONE).
bool can_clone(const std::filesystem::path& folder);
/// What is known of the file system, such as "ext4".
const char* file_system_of(const std::filesystem::path& path);

}  // namespace custody::bench
