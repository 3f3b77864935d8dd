#pragma once

#include <chrono>
#include <cstdint>
#include <custody/json.hpp>
#include <custody/time.hpp>
#include <optional>

#include "audit/trail_end.hpp"
#include "base/process.hpp"

namespace custody::sqlite {
class Connection;
}

namespace custody::audit {

/// What becomes of an operation whose clock is a day or more ahead of CLOCK_BOOTTIME, as it ran since the store's first
/// entry in this boot. A month would begin too early, and every later entry would have to follow it there.
enum class ClockJump {
    refuse,   ///< it is refused
    accept,   ///< the new time is the right one from here on; the entry says so
    correct,  ///< the entry (of a failure, or of the refusal) gets the time that CLOCK_BOOTTIME tells
};

/// How far ahead the system's clock is of the one recorded in this boot; zero where that can't be told.
std::chrono::milliseconds clock_ahead(sqlite::Connection& connection);

/// The times of the entries of one transaction.
class Clock {
   public:
    /// @throws Refused (rule clock_jump)
    Clock(sqlite::Connection& connection, const TrailEnd& end, ClockJump jump);

    /// The entry's time, and in `details` what has to be said of it: clock_back_ms where it is more than 2 s before the highest
    /// time so far; clock_override; clock_seen, the time that was not believed; boot, what the clocks say at the first entry
    /// since the machine started, which is recorded with it.
    Timestamp stamp(const Timestamp& seen, json& details);

   private:
    struct Moment {
        base::Boot boot;
        Timestamp seen_at;
    };
    sqlite::Connection& connection_;
    std::optional<Moment> unrecorded_;
    std::optional<Timestamp> highest_;
    std::chrono::milliseconds ahead_{0};
    bool accepted_ = false;
};

}  // namespace custody::audit
