#pragma once

#include <chrono>
#include <compare>
#include <string>
#include <string_view>

#include <custody/export.hpp>

namespace custody {

/// A point in time in UTC, to the microsecond, between the years 0001 and 9999.
class CUSTODY_API Timestamp {
   public:
    using Duration = std::chrono::microseconds;
    using TimePoint = std::chrono::sys_time<Duration>;

    explicit Timestamp(TimePoint time) noexcept : time_(time) {}
    /// The system's clock, now.
    [[nodiscard]] static Timestamp now();
    /// Reads ISO 8601 / RFC 3339 with a zone ("Z", "+02:00"); a date alone ("2026-10-01"), a month alone
    /// ("2026-10") or a time without a zone is taken as UTC. @throws InvalidArgument
    [[nodiscard]] static Timestamp parse(std::string_view text);

    /// `2026-11-23T02:07:16.146392+00:00`: always this form, so that text sorts as time does.
    [[nodiscard]] std::string str() const;
    [[nodiscard]] TimePoint time() const noexcept { return time_; }

    friend auto operator<=>(const Timestamp&, const Timestamp&) = default;  // NOLINT(modernize-use-nullptr)

   private:
    TimePoint time_;
};

}  // namespace custody
