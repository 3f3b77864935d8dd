#include <algorithm>
#include <cstdint>
#include <optional>

#include <custody/error.hpp>
#include <custody/time.hpp>

namespace custody {

namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr Timestamp::TimePoint earliest = sys_days(std::chrono::year(1) / 1 / 1);
constexpr Timestamp::TimePoint latest = sys_days(std::chrono::year(9999) / 12 / 31) + days(1) - microseconds(1);

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Reads a text from left to right; every function leaves its place unchanged where it answers that nothing fits.
class Reader {
   public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool at_end() const noexcept { return rest_.empty(); }

    bool take_any(std::string_view characters) noexcept {
        if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
        rest_.remove_prefix(1);
        return true;
    }

    std::optional<unsigned> digits(std::size_t count) noexcept {
        if (rest_.size() < count) return std::nullopt;
        unsigned value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (!is_digit(rest_[i])) return std::nullopt;
            value = value * 10U + static_cast<unsigned>(rest_[i] - '0');
        }
        rest_.remove_prefix(count);
        return value;
    }

    /// A fraction of a second, cut after the sixth digit.
    std::optional<microseconds> fraction() noexcept {
        std::int64_t value = 0;
        std::size_t count = 0;
        for (; count < rest_.size() && is_digit(rest_[count]); ++count) {
            if (count < 6) value = value * 10 + (rest_[count] - '0');
        }
        if (count == 0) return std::nullopt;
        for (std::size_t i = count; i < 6; ++i) value *= 10;
        rest_.remove_prefix(count);
        return microseconds(value);
    }

   private:
    std::string_view rest_;
};

/// "T02:07", "T02:07:16", "T02:07:16.146392"; a leap second counts as the first of the next minute, as POSIX has it.
struct TimeOfDay {
    minutes to_minute{};
    seconds second{};
    microseconds fraction{};
};

std::optional<TimeOfDay> read_time_of_day(Reader& in) {
    TimeOfDay time;
    const auto hour = in.digits(2);
    if (!hour || *hour > 23 || !in.take_any(":")) return std::nullopt;
    const auto minute = in.digits(2);
    if (!minute || *minute > 59) return std::nullopt;
    time.to_minute = hours(*hour) + minutes(*minute);
    if (!in.take_any(":")) return time;
    const auto second = in.digits(2);
    if (!second || *second > 60) return std::nullopt;
    time.second = seconds(*second);
    if (!in.take_any(".,")) return time;
    const auto fraction = in.fraction();
    if (!fraction) return std::nullopt;
    time.fraction = *fraction;
    return time;
}

/// "Z", "+02:00", "-0530", "+02", or nothing, which is UTC. Answers what local time is ahead of UTC.
std::optional<minutes> read_zone(Reader& in) {
    if (in.at_end() || in.take_any("Zz")) return minutes(0);
    const bool ahead = in.take_any("+");
    if (!ahead && !in.take_any("-")) return std::nullopt;
    const auto hour = in.digits(2);
    if (!hour || *hour > 23) return std::nullopt;
    minutes offset = hours(*hour);
    if (!in.at_end()) {
        in.take_any(":");
        const auto minute = in.digits(2);
        if (!minute || *minute > 59) return std::nullopt;
        offset += minutes(*minute);
    }
    return ahead ? offset : -offset;
}

std::optional<Timestamp::TimePoint> read_timestamp(Reader& in) {
    const auto year = in.digits(4);
    if (!year || !in.take_any("-")) return std::nullopt;
    const auto month = in.digits(2);
    if (!month) return std::nullopt;
    unsigned day = 1;
    const bool has_day = in.take_any("-");
    if (has_day) {
        const auto read = in.digits(2);
        if (!read) return std::nullopt;
        day = *read;
    }
    const year_month_day date(std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month), std::chrono::day(day));
    if (!date.ok()) return std::nullopt;
    if (in.at_end()) return sys_days(date);
    if (!has_day || !in.take_any("Tt ")) return std::nullopt;
    const auto time = read_time_of_day(in);
    const auto zone = time ? read_zone(in) : std::nullopt;
    if (!zone || !in.at_end()) return std::nullopt;
    const auto minute = sys_days(date) + time->to_minute - *zone;
    const bool last_of_day = minute - std::chrono::floor<days>(minute) == hours(23) + minutes(59);
    if (time->second == seconds(60) && !last_of_day) return std::nullopt;
    return minute + time->second + time->fraction;
}

/// Writes `value` in `width` digits, with leading zeros.
char* put_digits(char* out, std::int64_t value, int width) noexcept {
    for (int i = width - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
    return out + width;
}

}  // namespace

Timestamp Timestamp::now() { return Timestamp(std::chrono::floor<Duration>(std::chrono::system_clock::now())); }

Timestamp Timestamp::parse(std::string_view text) {
    Reader in(text);
    const auto time = read_timestamp(in);
    if (!time || *time < earliest || *time > latest) {
        throw InvalidArgument(
            "a time must be of the years 0001 to 9999 and look like 2026-11-23T02:07:16.146392+00:00, 2026-11-23T02:07:16Z, "
            "2026-11-23 02:07, 2026-11-23 or 2026-11 (UTC where no zone is given)");
    }
    return Timestamp(*time);
}

std::string Timestamp::str() const {
    const TimePoint time = std::clamp(time_, earliest, latest);  // so that the form holds for every value
    const auto day = std::chrono::floor<days>(time);
    const year_month_day date(day);
    const std::chrono::hh_mm_ss<Duration> clock(time - day);
    std::string text = "0000-00-00T00:00:00.000000+00:00";
    char* out = text.data();
    out = put_digits(out, static_cast<int>(date.year()), 4) + 1;
    out = put_digits(out, static_cast<unsigned>(date.month()), 2) + 1;
    out = put_digits(out, static_cast<unsigned>(date.day()), 2) + 1;
    out = put_digits(out, clock.hours().count(), 2) + 1;
    out = put_digits(out, clock.minutes().count(), 2) + 1;
    out = put_digits(out, clock.seconds().count(), 2) + 1;
    put_digits(out, clock.subseconds().count(), 6);
    return text;
}

}  // namespace custody
