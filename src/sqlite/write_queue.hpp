#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "sqlite/patience.hpp"

namespace custody::sqlite {

/// First come, first served among the processes that want to write. SQLite's own lock is taken by whoever polls at the
/// right moment: with eight writers some waited 4 s. This only orders them; what keeps them apart is still SQLite's lock, so
/// whatever goes wrong here costs fairness and nothing else.
///
/// A file, mapped by all, holds five counters: tickets drawn, the ticket being served, the one whose holder is about to go, the
/// one that is kept for several changes, and the one whose holder has stepped aside. A holder locks the byte of its ticket (an
/// open-file-description lock, which the kernel drops when the process dies), so that waiters can tell a slow holder from a dead
/// one and go past it.
///
/// A process that comes back at once, change after change, keeps its turn for five milliseconds: between two changes it steps
/// aside, and whoever is next takes over where it stays away. The first change after another process's reads some twenty pages
/// anew, with a cold cache of its processor: 290 µs before its sync instead of 80.
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
        /// What is left takes about as long as a sync: whoever is next may get up, and watch for its turn; or this one is kept.
        void ends_soon() noexcept;

       private:
        friend class WriteQueue;
        Turn(WriteQueue* queue, std::uint32_t ticket) noexcept : queue_(queue), ticket_(ticket) {}
        WriteQueue* queue_;
        std::uint32_t ticket_;
    };

    /// Waits for its turn, as long as its patience lasts, or a second past the last sign of progress; then goes ahead anyway
    /// and lets SQLite's lock decide. One caller at a time in a process.
    [[nodiscard]] Turn wait(const Patience& patience) noexcept;

   private:
    struct Shared {
        std::atomic<std::uint32_t> drawn;
        std::atomic<std::uint32_t> serving;
        std::atomic<std::uint32_t> ending;
        std::atomic<std::uint32_t> kept;
        std::atomic<std::uint32_t> aside;
    };
    bool lock_byte(std::uint32_t ticket, bool exclusive) noexcept;
    void unlock_byte(std::uint32_t ticket) noexcept;
    [[nodiscard]] bool holder_is_gone(std::uint32_t ticket) noexcept;
    bool await(std::uint32_t ticket, Patience patience) noexcept;
    bool watch(std::uint32_t ticket) noexcept;
    bool take_over(std::uint32_t ticket) noexcept;
    bool take_up_again() noexcept;
    void mend() noexcept;
    void end_soon(std::uint32_t ticket) noexcept;
    void leave(std::uint32_t ticket) noexcept;
    void pass(std::uint32_t ticket) noexcept;
    [[nodiscard]] bool is_young() const noexcept;

    int file_ = -1;
    Shared* shared_ = nullptr;

    // Of this process's turn, and the one before it.
    Deadline begun_{};
    Deadline left_{};
    int soon_back_ = 0;                   ///< how often in a row
    bool is_kept_ = false;                ///< once it was said to end soon
    std::optional<std::uint32_t> aside_;  ///< its ticket, while it has stepped aside
};

}  // namespace custody::sqlite
