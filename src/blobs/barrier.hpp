#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>

#include "blobs/abilities.hpp"
#include "blobs/descriptor.hpp"

namespace custody::blobs {

/// One sync for all that was written to a file system since the barrier was made: for many small files it takes the place of two
/// for each.
class Barrier {
   public:
    /// Whether that can be trusted for this folder: a local file system that says when it could not write, and Linux 5.8, from
    /// which on syncfs(2) passes that on. @throws IoError
    static bool works_in(const std::filesystem::path& folder, const Abilities& abilities);

    /// Make it before the first write: what failed before is not reported. @throws IoError
    explicit Barrier(const std::filesystem::path& folder);
    /// @throws IoError, also where an earlier write turned out not to have reached the disk
    void sync() const;

   private:
    std::filesystem::path folder_;
    Descriptor open_folder_;
};

/// For where it can't be: calls `sync` with 0 to `count` - 1, several at a time, since a journal writes in one go what waits for
/// it together. @throws what the first of them threw, the rest not being begun
void sync_at_once(std::size_t count, const std::function<void(std::size_t)>& sync);

}  // namespace custody::blobs
