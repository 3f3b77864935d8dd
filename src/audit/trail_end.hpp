#pragma once

#include <chrono>
#include <cstdint>
#include <custody/time.hpp>
#include <optional>
#include <string>

#include "audit/merkle.hpp"

namespace custody::sqlite {
class Connection;
}

namespace custody::audit {

/// What the clocks said when the store was first used since a start of the machine.
struct ClockRecord {
    std::string boot_id;
    std::chrono::milliseconds boottime;  ///< CLOCK_BOOTTIME
    Timestamp seen_at;                   ///< the system's clock at that moment
};

/// What whoever appends has to know of the trail so far.
struct TrailEnd {
    Frontier head;
    std::int64_t last_seq = 0;
    std::optional<Timestamp> highest_time{};
    std::optional<ClockRecord> clock{};
};

/// All of it by one statement: a single append is short enough for four to be felt. @throws Corruption where there is no head, or
/// it can't be one
TrailEnd read_trail_end(sqlite::Connection& connection);

}  // namespace custody::audit
