#pragma once

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/sha256.hpp"
#include "blobs/blob_store.hpp"
#include "support/scratch.hpp"

namespace custody::testing {

/// A made store below a scratch folder that other accounts may look through.
struct TestStore {
    Scratch scratch;
    blobs::BlobStore store;
    explicit TestStore(blobs::Modes modes = {}, const blobs::Abilities& abilities = {});

    /// Stages and publishes; answers the digest.
    Digest add(std::string_view content);
    /// Every file below blobs/ and trash/, relative to the root.
    [[nodiscard]] std::set<std::string> files() const;
};

/// A file system mounted for one test; `mounted` is false where this machine refuses.
struct Mount {
    explicit Mount(const std::filesystem::path& where);
    ~Mount();
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;
    bool tmpfs(const std::string& options);
    /// Makes the image with `mkfs` (given the file's name) and mounts it through a loop device.
    bool image(const std::filesystem::path& file, std::size_t size_mib, const std::string& mkfs);
    std::filesystem::path where;
    bool mounted = false;
};

/// Runs it in a child process as the account `nobody` (as this account where that isn't root) and answers what it returned, or
/// the message of what it threw after "threw: ".
std::string as_nobody(const std::function<std::string()>& run);

/// Runs the driver; `strace` holds strace's options where it is to run under it.
Ran drive(const std::string& arguments, const std::string& strace = {});
/// Whether strace can trace here (containers may refuse ptrace).
bool can_trace();

ino_t inode_of(const std::filesystem::path& path);
/// Permission bits.
unsigned mode_of(const std::filesystem::path& path);

/// The message of the exception of type E that `run` throws; fails the test where it doesn't.
template <class E, class Run>
std::string message_of(const Run& run) {
    try {
        run();
    } catch (const E& error) {
        return error.what();
    }
    FAIL("nothing was thrown");
    return {};
}

}  // namespace custody::testing
