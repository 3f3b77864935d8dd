#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "audit/entry.hpp"

namespace custody {

/// Entries of reads that wait for the next change to carry them into the trail, or for half a second to pass.
class GroupedReads {
   public:
    /// `flush` writes what take() gives; it is called by a thread of this object's own, which starts with the first entry.
    /// `every`: it is also called so often without one (0: never).
    GroupedReads(std::function<void()> flush, std::chrono::milliseconds every);
    /// Ends the thread. What still waits is the owner's to flush before.
    ~GroupedReads();
    GroupedReads(const GroupedReads&) = delete;
    GroupedReads& operator=(const GroupedReads&) = delete;

    /// Answers false where entries can't be written at the moment, or too many wait: the caller then writes its own.
    bool add(audit::Draft&& draft);
    /// Everything that waits.
    std::vector<audit::Draft> take();
    /// What could not be written goes back to where it was. `failing`: because nothing can be written at the moment.
    void put_back(std::vector<audit::Draft>&& drafts, bool failing);
    [[nodiscard]] bool empty() const;
    /// Ends the thread, which has then written or put back what it was at. The next entry starts another.
    void stop();

   private:
    void run();

    std::function<void()> flush_;
    std::chrono::milliseconds every_;
    long owner_pid_;

    /// What a forked child must not even destroy: glibc would wait there for the thread that waits in the parent.
    struct Shared {
        std::mutex mutex{};
        std::condition_variable moves{};
        std::thread thread{};
    };
    std::unique_ptr<Shared> shared_ = std::make_unique<Shared>();
    std::vector<audit::Draft> waiting_{};
    bool ending_ = false;
    bool failing_ = false;
};

}  // namespace custody
