#pragma once

#include <chrono>
#include <cstdint>
#include <custody/time.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace custody::original {

/// A rule for the years after a zone's last recorded change, as POSIX writes it: "CET-1CEST,M3.5.0,M10.5.0/3".
class ZoneRule {
   public:
    /// nullopt for what is no such rule.
    static std::optional<ZoneRule> parse(std::string_view text);
    /// Seconds ahead of UTC at that moment.
    [[nodiscard]] std::int64_t offset_at(std::int64_t utc_s) const;

   private:
    struct Change {
        char kind;  ///< M: month, week, day; J: day 1 to 365, no leap day; 0: day 0 to 365
        int month = 0, week = 0, day = 0;
        std::int64_t time_s = 7200;  ///< two o'clock
        /// Local time, in seconds, at which it happens in that year.
        [[nodiscard]] std::int64_t in_year(int year) const;
    };
    class Reader;

    std::int64_t standard_s_ = 0;
    std::int64_t summer_s_ = 0;
    std::optional<Change> begins_{};
    std::optional<Change> ends_{};
};

/// A time zone of the IANA database, read from the system's files (RFC 8536). The C library knows only the process's own, and
/// changing that is nothing for a library.
class Zone {
   public:
    static Zone utc();
    /// What the process takes for local time: TZ, else /etc/localtime, else UTC. @throws InvalidArgument where TZ is no zone
    static Zone local();
    /// "Europe/Berlin". @throws InvalidArgument for a zone that the system doesn't have
    static Zone named(const std::string& name);
    /// A file of the database. @throws InvalidArgument where it is none
    static Zone from_file(const std::filesystem::path& file, std::string name);

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::chrono::seconds offset_at(const Timestamp& time) const;

    /// A local time as a moment.
    struct Moment {
        Timestamp time;
        enum class Kind {
            plain,
            ambiguous,  ///< the hour that comes twice when clocks go back: its first passage
            skipped     ///< an hour that clocks leave out: counted on as if they had not
        } kind;
    };
    /// `local` has the local time in its fields as if it were UTC.
    [[nodiscard]] Moment to_utc(const Timestamp& local) const;

   private:
    explicit Zone(std::string name) : name_(std::move(name)) {}
    [[nodiscard]] std::int64_t offset_s(std::int64_t utc_s) const;

    std::string name_;
    std::vector<std::int64_t> changes_{};       ///< moments, ascending
    std::vector<std::int64_t> after_change_{};  ///< offsets from each of them on
    std::int64_t before_first_ = 0;
    std::optional<ZoneRule> rule_{};
};

/// A time as the original writes it: ISO 8601, without a zone in local time. @throws InvalidArgument
Zone::Moment read_time(std::string_view text, const Zone& zone);
/// The same the other way: as Python's isoformat() writes a naive local time.
std::string write_time(const Timestamp& time, const Zone& zone);

}  // namespace custody::original
