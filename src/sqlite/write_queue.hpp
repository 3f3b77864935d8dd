#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>

namespace custody::sqlite {

using Deadline = std::chrono::steady_clock::time_point;

/// First come, first served among the processes that want to write. SQLite's own lock is taken by whoever polls at the
/// right moment: with eight writers some waited 4 s. This only orders them; what keeps them apart is still SQLite's lock, so
/// whatever goes wrong here costs fairness and nothing else.
///
/// A file, mapped by all, holds three counters: tickets drawn, the ticket being served, and the one whose holder is about to go.
/// A holder locks the byte of its ticket (an open-file-description lock, which the kernel drops when the process dies), so that
/// waiters can tell a slow holder from a dead one and go past it.
class WriteQueue {
   public:
    /// Makes the file if need be. Where it can't be made or mapped, the queue lets everybody through.
    WriteQueue(const std::filesystem::path& file, unsigned mode) noexcept;
    ~WriteQueue();
    WriteQueue(const WriteQueue&) = delete;
    WriteQueue& operator=(const WriteQueue&) = delete;

    /// One turn; the next one's begins when it goes.
    class Turn {
       public:
        Turn(Turn&& other) noexcept;
        Turn& operator=(Turn&&) = delete;
        ~Turn();
        /// What is left takes about as long as a sync: whoever is next may get up, and watch for its turn.
        void ends_soon() noexcept;

       private:
        friend class WriteQueue;
        Turn(WriteQueue* queue, std::uint32_t ticket) noexcept : queue_(queue), ticket_(ticket) {}
        WriteQueue* queue_;
        std::uint32_t ticket_;
    };

    /// Waits for its turn, at most until the deadline or a second past the last sign of progress; then goes ahead anyway
    /// and lets SQLite's lock decide. One caller at a time in a process.
    [[nodiscard]] Turn wait(Deadline deadline) noexcept;

   private:
    struct Shared {
        std::atomic<std::uint32_t> drawn;
        std::atomic<std::uint32_t> serving;
        std::atomic<std::uint32_t> ending;
    };
    bool lock_byte(std::uint32_t ticket, bool exclusive) noexcept;
    void unlock_byte(std::uint32_t ticket) noexcept;
    [[nodiscard]] bool holder_is_gone(std::uint32_t ticket) noexcept;
    bool await(std::uint32_t ticket, Deadline deadline) noexcept;
    bool watch(std::uint32_t ticket) noexcept;
    void mend() noexcept;
    void leave(std::uint32_t ticket) noexcept;

    int file_ = -1;
    Shared* shared_ = nullptr;
};

}  // namespace custody::sqlite
