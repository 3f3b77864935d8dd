#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "blobs/abilities.hpp"

namespace custody::blobs {

/// A file's bytes where they are, in the page cache, instead of a copy of them: a fifth of the time that hashing a payload takes.
///
/// A mapped page that can't be had ends the process (SIGBUS), so nothing is shown but what is there to stay: no other may cut the
/// file (a read lease), and each page is asked for before it is shown, which tells of a bad sector, and locked in memory as it
/// comes. Where one of these can't be had (a network's file system, another's file, somebody who writes, RLIMIT_MEMLOCK) nothing
/// is shown, and the caller reads.
class PinnedFile {
   public:
    /// `file` stays the caller's, and is no longer held when this ends.
    PinnedFile(int file, std::uint64_t size_bytes, const Abilities& abilities);
    PinnedFile(const PinnedFile&) = delete;
    PinnedFile& operator=(const PinnedFile&) = delete;
    ~PinnedFile();

    /// What follows, up to a window; nothing at the end, or where no more can be shown. Valid until the next call.
    std::span<const std::byte> next();

   private:
    void let_go() noexcept;
    int file_;
    std::uint64_t size_;
    std::uint64_t most_;  // of a window
    std::uint64_t at_ = 0;
    bool leased_;
    std::span<std::byte> window_{};
};

}  // namespace custody::blobs
