#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include <custody/ids.hpp>

namespace custody::blobs {

/// Says durably that a source is about to be taken over by a rename (Transfer::move), and where it was: from the rename until its
/// record is committed the payload's file is all that there is of it. A symbolic link in trash/, `moving-<digest>-<random>`, that
/// leads to the source's place. It stays until it is removed, so that a kill leaves it.
class MovingMark {
   public:
    MovingMark() = default;
    /// @throws IoError, also where `source` is too long or the file system has no such links
    MovingMark(const std::filesystem::path& trash, const Digest& digest, const std::filesystem::path& source);
    /// The source is in its place again, or its record is there.
    void remove() noexcept;

   private:
    std::filesystem::path name_{};
};

/// The digest in a mark's file name; nullopt where it is none.
std::optional<Digest> digest_of_mark(std::string_view file_name);

/// Held by whoever moves a source in, for as long as its file is open: tells a move that goes on from one that was
/// killed. False where somebody else has it. Where the file system has no locks there is none to be held.
bool lock_moved(int file);
void unlock_moved(int file) noexcept;
/// Whether nobody is moving that file in any more; takes the lock. Without locks the mark's age tells.
bool was_left(int file, std::int64_t marked_at_seconds);
/// A day: no move takes as long.
bool is_old_mark(std::int64_t marked_at_seconds);

}  // namespace custody::blobs
