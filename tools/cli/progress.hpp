#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <custody/artifact_manager.hpp>

#include "interruption.hpp"
#include "session.hpp"

namespace custody::cli {

/// Shows on stderr, where that is a terminal, how far long work has come, how fast it goes and how long it will take.
/// It appears once the work turns out to be long, and is wiped when it is destroyed. Elsewhere it shows nothing, and is there to
/// end the work in good order where a signal comes.
class ProgressBar {
   public:
    enum class Unit { bytes, items };
    /// `interrupted` says what an interruption leaves, such as "nothing was added".
    ProgressBar(const Session& session, std::string label, Unit unit, std::string interrupted);
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    ~ProgressBar();

    /// What to hand to the library; throws Interrupted once a signal has come. Valid as long as the bar.
    [[nodiscard]] Progress callback();

   private:
    using Clock = std::chrono::steady_clock;
    void show(std::uint64_t done, std::uint64_t total);
    [[nodiscard]] std::string line(std::uint64_t done, std::uint64_t total, double elapsed_s) const;

    Interruption interruption_;
    std::string label_;
    Unit unit_;
    bool enabled_;
    bool visible_ = false;
    Clock::time_point begun_ = Clock::now();
    Clock::time_point drawn_{};
};

}  // namespace custody::cli
