#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <custody/artifact_manager.hpp>

#include "session.hpp"

namespace custody::cli {

/// Shows on stderr, where that is a terminal, how far long work has come, how fast it goes and how long it will take.
/// It appears once the work turns out to be long, and is wiped when it is destroyed.
class ProgressBar {
   public:
    enum class Unit { bytes, items };
    ProgressBar(const Session& session, std::string label, Unit unit);
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    ~ProgressBar();

    /// What to hand to the library; empty where nothing will be shown. Valid as long as the bar.
    [[nodiscard]] Progress callback();
    [[nodiscard]] bool enabled() const { return enabled_; }

   private:
    using Clock = std::chrono::steady_clock;
    void show(std::uint64_t done, std::uint64_t total);
    [[nodiscard]] std::string line(std::uint64_t done, std::uint64_t total, double elapsed_s) const;

    std::string label_;
    Unit unit_;
    bool enabled_;
    bool visible_ = false;
    Clock::time_point begun_ = Clock::now();
    Clock::time_point drawn_{};
};

}  // namespace custody::cli
