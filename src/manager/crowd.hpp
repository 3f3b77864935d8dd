#pragma once

#include <algorithm>
#include <atomic>
#include <custody/error.hpp>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/in_order.hpp"
#include "manager/making.hpp"

namespace custody {

using Group = std::span<Making* const>;

/// Bytes that have come in, of all files, told to the caller in its own thread.
class Meter {
   public:
    Meter(const Progress& progress, const std::vector<Making>& all) : progress_(progress) {
        for (const auto& making : all) total_ += making.expected_bytes;
    }
    /// For one file, from any thread. Throws once the work is to be stopped.
    blobs::Progress of_one_file() {
        return [this, before = std::uint64_t{0}](std::uint64_t done) mutable {
            done_ += done - before;
            before = done;
            if (stopped_) throw Error("stopped, since another file of the same call failed");
            if (std::this_thread::get_id() == caller_) tell();
        };
    }
    void tell() const {
        if (progress_) progress_(done_, total_);
    }
    void stop() { stopped_ = true; }
    [[nodiscard]] bool stopped() const { return stopped_; }

   private:
    const Progress& progress_;
    std::uint64_t total_ = 0;
    std::atomic<std::uint64_t> done_{0};
    std::atomic<bool> stopped_{false};
    std::thread::id caller_ = std::this_thread::get_id();
};

/// Runs `work` on each of a group, on all cores. The first failure stops the rest and is thrown, with `at` saying whose it was.
class Crowd {
   public:
    Crowd(Meter& meter, const Making*& at) : meter_(meter), at_(at) {}

    template <class Work>
    void run(Group all, const Work& work) {
        base::in_order<Group>([&](Group& share) { return take_share(all, share); },
                              [&](const Group& share) {
                                  for (auto* making : share) {
                                      if (!try_one(*making, work)) return;
                                  }
                              },
                              [](const Group&) {});
        if (!failure_) return;
        at_ = failed_;
        std::rethrow_exception(failure_);
    }

   private:
    // What one thread takes at a time.
    static constexpr std::size_t share_files = 16;
    static constexpr std::uint64_t share_bytes = std::uint64_t{1} << 20U;

    bool take_share(Group& rest, Group& share) const {
        if (meter_.stopped() || rest.empty()) return false;
        std::size_t count = 0;
        for (std::uint64_t bytes = 0; count < std::min(rest.size(), share_files) && bytes < share_bytes; ++count) {
            bytes += rest[count]->expected_bytes;
        }
        share = rest.first(count);
        rest = rest.subspan(count);
        return true;
    }
    template <class Work>
    bool try_one(Making& making, const Work& work) {
        if (meter_.stopped()) return false;
        try {
            work(making);
            return true;
        } catch (...) {
            const std::lock_guard lock(mutex_);
            if (!failure_) {
                failure_ = std::current_exception();
                failed_ = &making;
            }
            meter_.stop();  // not before: what it makes others throw is not the failure
            return false;
        }
    }
    Meter& meter_;
    const Making*& at_;
    std::mutex mutex_{};
    std::exception_ptr failure_{};
    const Making* failed_ = nullptr;
};

}  // namespace custody
