#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <span>
#include <thread>

#include "base/sha256.hpp"

namespace custody::blobs {

/// Hashes pieces of memory in their order, in a thread of its own, while the caller reads and writes others. Where there is but
/// one processor, or no thread to be had, in the caller's.
class BackgroundHash {
   public:
    /// `most_pending` (at most 7): how many pieces may wait, or be under way, while add() returns.
    BackgroundHash(base::Sha256& sha256, std::size_t most_pending);
    /// Ends without what has not been begun.
    ~BackgroundHash();
    BackgroundHash(const BackgroundHash&) = delete;
    BackgroundHash& operator=(const BackgroundHash&) = delete;

    /// The piece must stay as it is until `most_pending` others were added after it, or finish() returned.
    void add(std::span<const std::byte> piece);
    /// Waits until all of them are in the hash.
    void finish();

   private:
    void run();

    base::Sha256& sha256_;
    std::size_t most_pending_;
    std::array<std::span<const std::byte>, 8> pieces_{};
    // Pieces are numbered; those below `hashed_` are in the hash.
    std::size_t added_ = 0, hashed_ = 0;
    bool ends_ = false;
    std::mutex mutex_{};
    std::condition_variable changed_{};
    std::thread thread_{};
};

}  // namespace custody::blobs
