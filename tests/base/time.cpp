#include <custody/error.hpp>
#include <custody/time.hpp>

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace custody;

namespace {

std::string reread(std::string_view text) { return Timestamp::parse(text).str(); }

}  // namespace

TEST_CASE("times are written in one form, in UTC and to the microsecond") {
    using namespace std::chrono;
    CHECK(Timestamp(sys_days(year(2026) / 11 / 23) + 2h + 7min + 16s + 146392us).str() == "2026-11-23T02:07:16.146392+00:00");
    CHECK(Timestamp(Timestamp::TimePoint{}).str() == "1970-01-01T00:00:00.000000+00:00");
    CHECK(Timestamp(Timestamp::TimePoint{} - 1us).str() == "1969-12-31T23:59:59.999999+00:00");
    CHECK(Timestamp(sys_days(year(1) / 1 / 1)).str() == "0001-01-01T00:00:00.000000+00:00");
    CHECK(Timestamp(Timestamp::TimePoint::max()).str() == "9999-12-31T23:59:59.999999+00:00");
    CHECK(Timestamp(Timestamp::TimePoint::min()).str() == "0001-01-01T00:00:00.000000+00:00");
}

TEST_CASE("now is now") {
    const auto before = std::chrono::system_clock::now() - std::chrono::microseconds(1);
    const auto now = Timestamp::now();
    CHECK(now.time() >= before);
    CHECK(now.time() <= std::chrono::system_clock::now());
}

TEST_CASE("times are read in the forms of ISO 8601 and RFC 3339") {
    CHECK(reread("2026-11-23T02:07:16.146392+00:00") == "2026-11-23T02:07:16.146392+00:00");
    CHECK(reread("2026-11-23T02:07:16Z") == "2026-11-23T02:07:16.000000+00:00");
    CHECK(reread("2026-11-23t02:07:16z") == "2026-11-23T02:07:16.000000+00:00");
    CHECK(reread("2026-11-23 02:07:16.5") == "2026-11-23T02:07:16.500000+00:00");
    CHECK(reread("2026-11-23T02:07:16,25Z") == "2026-11-23T02:07:16.250000+00:00");
    CHECK(reread("2026-11-23T02:07:16.1463929999Z") == "2026-11-23T02:07:16.146392+00:00");
    CHECK(reread("2026-11-23T02:07") == "2026-11-23T02:07:00.000000+00:00");
    CHECK(reread("2026-11-23") == "2026-11-23T00:00:00.000000+00:00");
    CHECK(reread("2026-11") == "2026-11-01T00:00:00.000000+00:00");
    CHECK(reread("2024-02-29") == "2024-02-29T00:00:00.000000+00:00");
}

TEST_CASE("a zone is turned into UTC, over days and years too") {
    CHECK(reread("2026-11-23T02:07:16+02:00") == "2026-11-23T00:07:16.000000+00:00");
    CHECK(reread("2026-01-01T01:00:00+05:30") == "2025-12-31T19:30:00.000000+00:00");
    CHECK(reread("2026-12-31T23:00:00-0800") == "2027-01-01T07:00:00.000000+00:00");
    CHECK(reread("2026-11-23T02:07:16+02") == "2026-11-23T00:07:16.000000+00:00");
    CHECK(reread("2026-11-23T02:07:16-00:00") == "2026-11-23T02:07:16.000000+00:00");
    CHECK(reread("2016-12-31T23:59:60Z") == "2017-01-01T00:00:00.000000+00:00");
    CHECK(reread("2017-01-01T00:59:60+01:00") == "2017-01-01T00:00:00.000000+00:00");
}

TEST_CASE("what is no time is refused") {
    for (const char* text : {"",
                             "now",
                             "2026",
                             "2026-",
                             "2026-1",
                             "2026-13",
                             "2026-00",
                             "2026-02-29",
                             "2026-04-31",
                             "2026-11-00",
                             "2026-11-23T",
                             "2026-11-23 ",
                             "2026-11-23T02",
                             "2026-11-23T24:00",
                             "2026-11-23T02:60",
                             "2026-11-23T02:07:61",
                             "2026-11-23T02:07:60Z",
                             "2026-11-23T02:07:16.",
                             "2026-11-23T02:07:16.Z",
                             "2026-11-23T02:07:16+",
                             "2026-11-23T02:07:16+2",
                             "2026-11-23T02:07:16+24:00",
                             "2026-11-23T02:07:16+02:",
                             "2026-11-23T02:07:16+02:60",
                             "2026-11-23T02:07:16Zx",
                             "2026-11-23Z",
                             "2026-11Z",
                             "2026-11 02:07",
                             "20261123T020716Z",
                             "0000-01-01",
                             "10000-01-01",
                             "-001-01-01",
                             "0001-01-01T00:00:00+00:01",
                             "9999-12-31T23:59:59-00:01",
                             " 2026-11-23",
                             "2026/11/23",
                             "23.11.2026",
                             "2026-11-23T02:07:16 Z",
                             "2026-11-23T02:07:16\xff"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(static_cast<void>(Timestamp::parse(text)), InvalidArgument);
    }
    CHECK_THROWS_AS(static_cast<void>(Timestamp::parse(std::string("2026-11-23\0", 11))), InvalidArgument);
}

TEST_CASE("any time that is written is read back, and texts sort as times do") {
    std::mt19937_64 random(8);
    const auto first = Timestamp::parse("0001-01-01").time();
    const auto range = static_cast<std::uint64_t>((Timestamp::parse("9999-12-31").time() - first).count());
    auto last = Timestamp::parse("2000-01-01");
    for (int round = 0; round < 5000; ++round) {
        const Timestamp time(first + std::chrono::microseconds(static_cast<std::int64_t>(random() % range)));
        REQUIRE(Timestamp::parse(time.str()) == time);
        REQUIRE(time.str().size() == 32);
        REQUIRE((time.str() < last.str()) == (time < last));
        last = time;
    }
}
