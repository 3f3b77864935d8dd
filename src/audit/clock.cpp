#include "audit/clock.hpp"

#include <algorithm>
#include <custody/error.hpp>

#include "base/process.hpp"
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
std::optional<milliseconds> ahead_of_record(sqlite::Connection& connection, const base::Boot& boot, const Timestamp& now) {
    sqlite::Query query(connection, "SELECT boottime_ms, seen_at FROM audit_clock WHERE clock_key = 1 AND boot_id = ?",
                        boot.boot_id);
    if (!query.step()) return std::nullopt;
    const auto elapsed = boot.boottime - milliseconds(query.integer(0));
    return since(Timestamp::parse(query.view(1)), now) - elapsed;
}

}  // namespace

milliseconds clock_ahead(sqlite::Connection& connection) {
    return std::max(milliseconds(0),
                    ahead_of_record(connection, base::current_boot(), Timestamp::now()).value_or(milliseconds(0)));
}

Clock::Clock(sqlite::Connection& connection, ClockJump jump) {
    {
        sqlite::Query query(connection, "SELECT max(timestamp) FROM audit_entries");
        if (query.step() && !query.is_null(0)) highest_ = Timestamp::parse(query.view(0));
    }
    const auto boot = base::current_boot();
    if (boot.boot_id.empty()) return;
    const auto now = Timestamp::now();
    const auto ahead = ahead_of_record(connection, boot, now);
    if (!ahead) remember(connection, boot, now);
    if (!ahead || *ahead < largest_jump) return;
    if (jump == ClockJump::refuse) {
        throw Refused("the clock of this machine has jumped " + std::to_string(ahead->count() / 1000) +
                          " seconds ahead since the store was first used in this boot: set it right, or accept the new time once "
                          "(custody --accept-clock, which is audited)",
                      "clock_jump");
    }
    ahead_ = *ahead;
    accepted_ = jump == ClockJump::accept;
    if (accepted_) remember(connection, boot, now);
}

Timestamp Clock::stamp(const Timestamp& seen, json& details) {
    auto time = seen;
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
