#include "original/zone.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <custody/error.hpp>

#include "support/scratch.hpp"

using namespace custody;
using namespace custody::original;
using Kind = Zone::Moment::Kind;

namespace {

std::string utc(const char* text, const Zone& zone) { return read_time(text, zone).time.str(); }
Kind kind(const char* text, const Zone& zone) { return read_time(text, zone).kind; }

/// TZ, for a while.
class Variable {
   public:
    explicit Variable(const char* value) { ::setenv("TZ", value, 1); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { ::unsetenv("TZ"); }
};

}  // namespace

TEST_CASE("a naive time is taken in its zone, in winter and in summer, in recorded years and in those after them") {
    const auto berlin = Zone::named("Europe/Berlin");
    CHECK(utc("2024-01-15T10:30:00.123456", berlin) == "2024-01-15T09:30:00.123456+00:00");
    CHECK(utc("2024-07-15T10:30:00", berlin) == "2024-07-15T08:30:00.000000+00:00");
    CHECK(utc("2061-07-15T10:30:00", berlin) == "2061-07-15T08:30:00.000000+00:00");
    CHECK(utc("1900-01-01T12:00:00", berlin) == "1900-01-01T11:00:00.000000+00:00");
    const auto new_york = Zone::named("America/New_York");
    CHECK(utc("2024-01-15T10:30:00", new_york) == "2024-01-15T15:30:00.000000+00:00");
    CHECK(utc("2050-12-01T10:30:00", new_york) == "2050-12-01T15:30:00.000000+00:00");
    CHECK(utc("2024-01-15T10:30:00", Zone::named("Asia/Kolkata")) == "2024-01-15T05:00:00.000000+00:00");
    CHECK(utc("2024-01-15T10:30:00", Zone::utc()) == "2024-01-15T10:30:00.000000+00:00");
    // South of the equator summer begins in the year before.
    const auto sydney = Zone::named("Australia/Sydney");
    CHECK(utc("2055-01-15T10:30:00", sydney) == "2055-01-14T23:30:00.000000+00:00");
    CHECK(utc("2055-07-15T10:30:00", sydney) == "2055-07-15T00:30:00.000000+00:00");
}

TEST_CASE("a time that says its zone needs none") {
    const auto berlin = Zone::named("Europe/Berlin");
    CHECK(utc("2024-01-15T10:30:00+00:00", berlin) == "2024-01-15T10:30:00.000000+00:00");
    CHECK(utc("2024-01-15T10:30:00Z", berlin) == "2024-01-15T10:30:00.000000+00:00");
    CHECK(utc("2024-01-15T10:30:00-05:00", berlin) == "2024-01-15T15:30:00.000000+00:00");
}

TEST_CASE("hours that come twice or never are told, and read as Python reads them") {
    const auto berlin = Zone::named("Europe/Berlin");
    CHECK(kind("2024-10-27T01:59:59", berlin) == Kind::plain);
    CHECK(kind("2024-10-27T02:30:00", berlin) == Kind::ambiguous);
    CHECK(utc("2024-10-27T02:30:00", berlin) == "2024-10-27T00:30:00.000000+00:00");
    CHECK(kind("2024-10-27T03:00:00", berlin) == Kind::plain);
    CHECK(kind("2024-03-31T02:30:00", berlin) == Kind::skipped);
    CHECK(utc("2024-03-31T02:30:00", berlin) == "2024-03-31T01:30:00.000000+00:00");
    CHECK(utc("2024-03-31T03:00:00", berlin) == "2024-03-31T01:00:00.000000+00:00");
}

TEST_CASE("what was read is written again as it was") {
    for (const char* name : {"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"}) {
        const auto zone = Zone::named(name);
        for (const char* text :
             {"2024-01-15T10:30:00", "2024-07-15T10:30:00.000001", "2024-10-27T02:30:00.5", "2090-07-01T00:00:00"}) {
            auto expected = std::string(text);
            if (expected.ends_with(".5")) expected += "00000";
            CHECK(write_time(read_time(text, zone).time, zone) == expected);
        }
    }
}

TEST_CASE("rules of POSIX, of every form") {
    const auto offset = [](const char* rule, const char* time) {
        const auto parsed = ZoneRule::parse(rule);
        REQUIRE(parsed);
        return parsed->offset_at(
            std::chrono::floor<std::chrono::seconds>(Timestamp::parse(time).time()).time_since_epoch().count());
    };
    CHECK(offset("UTC0", "2024-07-01") == 0);
    CHECK(offset("<+0545>-5:45", "2024-07-01") == 20700);
    CHECK(offset("EST5EDT,M3.2.0,M11.1.0", "2024-03-10T06:59:59Z") == -18000);
    CHECK(offset("EST5EDT,M3.2.0,M11.1.0", "2024-03-10T07:00:00Z") == -14400);
    CHECK(offset("EST5EDT,M3.2.0,M11.1.0", "2024-11-03T06:00:00Z") == -18000);
    CHECK(offset("CET-1CEST,M3.5.0,M10.5.0/3", "2024-10-27T00:59:59Z") == 7200);
    CHECK(offset("CET-1CEST,M3.5.0,M10.5.0/3", "2024-10-27T01:00:00Z") == 3600);
    CHECK(offset("AAA-1BBB,J60,J300", "2024-03-01T00:59:59Z") == 3600);
    CHECK(offset("AAA-1BBB,J60,J300", "2024-03-01T01:00:00Z") == 7200);
    CHECK(offset("AAA-1BBB,59,300", "2024-02-29T01:00:00Z") == 7200);
    CHECK(offset("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2024-03-31T01:00:00Z") == -3600);
    CHECK(offset("LHST-10:30LHDT-11,M10.1.0,M4.1.0", "2024-01-01") == 39600);
    for (const char* bad : {"", "E", "EST", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0",
                            "EST5EDT,M3.2.0,M11.1.0x", "EST200", "<EST5"}) {
        CHECK_FALSE(ZoneRule::parse(bad));
    }
}

TEST_CASE("local time is what TZ says") {
    {
        const Variable variable("America/New_York");
        CHECK(utc("2024-01-15T10:30:00", Zone::local()) == "2024-01-15T15:30:00.000000+00:00");
    }
    {
        const Variable variable(":Europe/Berlin");
        CHECK(utc("2024-01-15T10:30:00", Zone::local()) == "2024-01-15T09:30:00.000000+00:00");
    }
    {
        const Variable variable("XYZ3");
        CHECK(utc("2024-01-15T10:30:00", Zone::local()) == "2024-01-15T13:30:00.000000+00:00");
    }
    {
        const Variable variable("");
        CHECK(Zone::local().name() == "UTC");
    }
    {
        const Variable variable("Nowhere/At_All");
        CHECK_THROWS_AS(Zone::local(), InvalidArgument);
    }
}

TEST_CASE("what is no zone is refused, files that are none or cut off too") {
    for (const char* name : {"", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe", "Europe/Berlin\n", "zone.tab"}) {
        CAPTURE(name);
        CHECK_THROWS_AS(Zone::named(name), InvalidArgument);
    }
    const testing::Scratch scratch;
    const auto whole = testing::slurp("/usr/share/zoneinfo/Europe/Berlin");
    for (std::size_t size = 0; size < whole.size(); size += 97) {
        CAPTURE(size);
        const auto file = scratch.file("zone", whole.substr(0, size));
        try {
            (void)Zone::from_file(file, "cut");
        } catch (const InvalidArgument&) {
        }
    }
    CHECK_THROWS_AS(Zone::from_file(scratch.file("zone", whole.substr(0, 1000)), "cut"), InvalidArgument);
    CHECK_THROWS_AS(Zone::from_file(scratch.file("zone", "TZif"), "cut"), InvalidArgument);
}
