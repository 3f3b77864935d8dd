#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace custody::python {

/// Calls go through together; whoever shuts it waits for those inside, and keeps new ones waiting. (std::shared_mutex lets a
/// shutter wait for ever where calls overlap, and a call made from within a call, by a progress function, would wait for itself.)
class Gate {
   public:
    /// A call's way through.
    class Pass {
       public:
        explicit Pass(Gate& gate) : gate_(gate) {
            std::unique_lock lock(gate_.mutex_);
            const auto me = std::this_thread::get_id();
            if (gate_.inside_.count(me) == 0) gate_.moves_.wait(lock, [&] { return !gate_.shut_; });
            ++gate_.inside_[me];
        }
        Pass(const Pass&) = delete;
        Pass& operator=(const Pass&) = delete;
        ~Pass() {
            const std::lock_guard lock(gate_.mutex_);
            const auto mine = gate_.inside_.find(std::this_thread::get_id());
            if (--mine->second == 0) gate_.inside_.erase(mine);
            if (gate_.inside_.empty()) gate_.moves_.notify_all();
        }

       private:
        Gate& gate_;
    };

    /// False where a call of this very thread is inside, or calls don't end in time.
    [[nodiscard]] bool shut(std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex_);
        if (inside_.count(std::this_thread::get_id()) != 0) return false;
        const auto until = std::chrono::steady_clock::now() + patience;
        if (!moves_.wait_until(lock, until, [&] { return !shut_; })) return false;
        shut_ = true;
        if (moves_.wait_until(lock, until, [&] { return inside_.empty(); })) return true;
        shut_ = false;
        moves_.notify_all();
        return false;
    }
    void open() {
        const std::lock_guard lock(mutex_);
        shut_ = false;
        moves_.notify_all();
    }

   private:
    std::mutex mutex_{};
    std::condition_variable moves_{};
    std::map<std::thread::id, int> inside_{};
    bool shut_ = false;
};

}  // namespace custody::python
