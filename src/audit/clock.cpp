#include "audit/clock.hpp"

#include <algorithm>
#include <custody/error.hpp>

#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

using std::chrono::milliseconds;

constexpr auto largest_jump = std::chrono::hours(24);
// Entries of reads are written a moment after them, and threads don't commit in the order of their clocks.
constexpr auto unremarkable = std::chrono::seconds(2);

milliseconds since(const Timestamp& earlier, const Timestamp& later) {
    return std::chrono::floor<milliseconds>(later.time() - earlier.time());
}

void remember(sqlite::Connection& connection, const base::Boot& boot, const Timestamp& now) {
    sqlite::Query(
        connection,
        "INSERT INTO audit_clock (clock_key, boot_id, boottime_ms, seen_at) VALUES (1, ?, ?, ?) ON CONFLICT (clock_key) "
        "DO UPDATE SET boot_id = excluded.boot_id, boottime_ms = excluded.boottime_ms, seen_at = excluded.seen_at",
        boot.boot_id, boot.boottime.count(), now.str())
        .run();
}

// How far `now` is ahead of what was recorded; nullopt where nothing was in this boot.
std::optional<milliseconds> ahead_of(const std::optional<ClockRecord>& record, const base::Boot& boot, const Timestamp& now) {
    if (!record || record->boot_id != boot.boot_id) return std::nullopt;
    return since(record->seen_at, now) - (boot.boottime - record->boottime);
}

}  // namespace

milliseconds clock_ahead(sqlite::Connection& connection) {
    const auto ahead = ahead_of(read_trail_end(connection).clock, base::current_boot(), Timestamp::now());
    return std::max(milliseconds(0), ahead.value_or(milliseconds(0)));
}

Clock::Clock(sqlite::Connection& connection, const TrailEnd& end, ClockJump jump)
    : connection_(connection), highest_(end.highest_time) {
    const auto boot = base::current_boot();
    if (boot.boot_id.empty()) return;
    const auto now = Timestamp::now();
    const auto ahead = ahead_of(end.clock, boot, now);
    if (!ahead) unrecorded_ = Moment{boot, now};
    if (!ahead || *ahead < largest_jump) return;
    if (jump == ClockJump::refuse) {
        throw Refused("the clock of this machine has jumped " + std::to_string(ahead->count() / 1000) +
                          " seconds ahead since the store was first used in this boot: set it right, or accept the new time once "
                          "(custody --accept-clock, which is audited)",
                      "clock_jump");
    }
    ahead_ = *ahead;
    accepted_ = jump == ClockJump::accept;
    if (accepted_) unrecorded_ = Moment{boot, now};
}

Timestamp Clock::stamp(const Timestamp& seen, json& details) {
    auto time = seen;
    if (unrecorded_) {
        const auto& [boot, seen_at] = *unrecorded_;
        remember(connection_, boot, seen_at);
        details["boot"] = {{"boot_id", boot.boot_id}, {"boottime_ms", boot.boottime.count()}, {"seen_at", seen_at.str()}};
        unrecorded_.reset();
    }
    if (ahead_.count() > 0) {
        details["clock_ahead_ms"] = ahead_.count();
        if (accepted_) {
            details["clock_override"] = true;
            ahead_ = {};  // said once
        } else {
            details["clock_seen"] = seen.str();
            time = Timestamp(seen.time() - ahead_);
        }
    }
    if (highest_ && highest_->time() - time.time() > unremarkable) {
        details["clock_back_ms"] = since(time, *highest_).count();
    }
    highest_ = highest_ ? std::max(*highest_, time) : time;
    return time;
}

}  // namespace custody::audit
