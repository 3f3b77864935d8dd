// Entries and clocks that jump. The jump is made where the clocks' record is: in the database.
#include "audit/clock.hpp"

#include <doctest/doctest.h>

#include <custody/error.hpp>

#include "audit/entry.hpp"
#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::audit;
using namespace custody::testing;
using std::chrono::hours;
using std::chrono::milliseconds;

namespace {

constexpr auto scheduled = milliseconds(5000);  ///< how much later a machine that is busy may look at its second clock

/// As if the clock had been so far behind when it was first seen in this boot: it is that far ahead now.
void jump_ahead(sqlite::Database& database, milliseconds by) {
    database.write([&](sqlite::Connection& connection) {
        auto details = json::object();
        (void)Clock(connection, read_trail_end(connection), ClockJump::accept)
            .stamp(Timestamp::now(), details);  // the first one is recorded
        const auto recorded = read_trail_end(connection).clock.value().seen_at;
        sqlite::Query(connection, "UPDATE audit_clock SET seen_at = ?", Timestamp(recorded.time() - by).str()).run();
    });
}

json stamped(sqlite::Database& database, ClockJump jump, const Timestamp& seen = Timestamp::now()) {
    auto details = json::object();
    database.write([&](sqlite::Connection& connection) {
        details["timestamp"] = Clock(connection, read_trail_end(connection), jump).stamp(seen, details).str();
    });
    return details;
}

void append(sqlite::Database& database, const Timestamp& time) {
    database.write([&](sqlite::Connection& connection) {
        const auto agent = base::current_agent("test");
        Writer writer(connection, agent, ClockJump::refuse);
        Draft draft{.operation = "test", .action = "wait", .user = "tester"};
        draft.timestamp = time;
        writer.append(draft);
        writer.finish();
    });
}

}  // namespace

TEST_CASE("a clock that jumps a day ahead within one boot is refused, one that jumps less is not") {
    const TestDatabase test;
    auto database = test.open();
    jump_ahead(*database, hours(23));
    CHECK_NOTHROW((void)stamped(*database, ClockJump::refuse));
    jump_ahead(*database, hours(24) + scheduled);
    try {
        (void)stamped(*database, ClockJump::refuse);
        FAIL("a jump was not refused");
    } catch (const Refused& error) {
        CHECK(error.rule() == "clock_jump");
    }
    database->read([](sqlite::Connection& connection) { CHECK(clock_ahead(connection) >= hours(24)); });
}

TEST_CASE("a refused entry has the time that the boot's clock tells, and says what was seen") {
    const TestDatabase test;
    auto database = test.open();
    jump_ahead(*database, hours(48));
    const auto now = Timestamp::now();
    const auto details = stamped(*database, ClockJump::correct, now);
    CHECK(details.at("clock_seen") == now.str());
    const auto time = Timestamp::parse(details.at("timestamp").get<std::string>());
    CHECK(now.time() - time.time() >= hours(48) - scheduled);
    CHECK(now.time() - time.time() <= hours(48) + scheduled);
}

TEST_CASE("a jump that is accepted is said once, and is the right time from there on") {
    const TestDatabase test;
    auto database = test.open();
    jump_ahead(*database, hours(72));
    const auto details = stamped(*database, ClockJump::accept);
    CHECK(details.at("clock_override") == true);
    CHECK(details.at("clock_ahead_ms").get<std::int64_t>() >= milliseconds(hours(72) - scheduled).count());
    CHECK_FALSE(stamped(*database, ClockJump::refuse).contains("clock_ahead_ms"));
}

TEST_CASE("another boot begins anew") {
    const TestDatabase test;
    auto database = test.open();
    jump_ahead(*database, hours(72));
    database->write([](sqlite::Connection& connection) {
        sqlite::Query(connection, "UPDATE audit_clock SET boot_id = 'an earlier one'").run();
    });
    CHECK_NOTHROW((void)stamped(*database, ClockJump::refuse));
}

TEST_CASE("an entry is marked where its time is more than two seconds before the highest so far") {
    const TestDatabase test;
    auto database = test.open();
    const auto now = Timestamp::now();
    append(*database, now);
    CHECK_FALSE(stamped(*database, ClockJump::refuse, Timestamp(now.time() - milliseconds(2000))).contains("clock_back_ms"));
    CHECK(stamped(*database, ClockJump::refuse, Timestamp(now.time() - milliseconds(2001))).at("clock_back_ms") == 2001);
    append(*database, Timestamp(now.time() - hours(1)));
    CHECK(stamped(*database, ClockJump::refuse, Timestamp(now.time() - milliseconds(5000))).at("clock_back_ms") == 5000);
}
