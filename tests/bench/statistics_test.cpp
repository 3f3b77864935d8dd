// What the figures of custody_bench are made of.
#include <doctest/doctest.h>

#include <sstream>

#include "bench/harness/options.hpp"
#include "bench/harness/report.hpp"

using namespace custody::bench;

TEST_CASE("median and quartiles lie between the values") {
    CHECK(spread_of({3}).median == 3);
    CHECK(spread_of({3}).low == 3);
    CHECK(spread_of({4, 1}).median == doctest::Approx(2.5));
    const auto spread = spread_of({5, 1, 2, 4, 1000});  // sorted: 1 2 4 5 1000
    CHECK(spread.median == 4);
    CHECK(spread.low == 2);
    CHECK(spread.high == 5);
    CHECK(spread.count == 5);
    CHECK_THROWS_AS(spread_of({}), std::logic_error);
}

TEST_CASE("a ratio is that of the rounds: what disturbs a whole round doesn't change it") {
    const auto ratio = ratio_of({2, 20, 2.2}, {1, 10, 1.1});
    CHECK(ratio.median == doctest::Approx(2));
    CHECK(ratio.low == doctest::Approx(2));
    CHECK(ratio.high == doctest::Approx(2));
    CHECK_THROWS_AS(ratio_of({1, 2}, {1}), std::logic_error);
}

TEST_CASE("subjects are timed in turns, each as often as there are rounds, the first of a round another one each time") {
    std::string order;
    const auto note = [&](char letter) { return [&order, letter] { order += letter; }; };
    const auto timings = in_turns(3, {{"a", note('a')}, {"b", note('b'), note('p')}});
    CHECK(order == "pbaapbpba");
    CHECK(timings[0].seconds.size() == 3);
    CHECK(timings[1].seconds.size() == 3);
    CHECK(timings[1].name == "b");
    CHECK(in_turns(2, {{"a", note('a')}}, true)[0].seconds.size() == 2);
}

TEST_CASE("units") {
    CHECK(Unit::per_second(10).of(2) == doctest::Approx(5));
    CHECK(Unit::microseconds_each(4).of(2) == doctest::Approx(500000));
    CHECK(Unit::megabytes_per_second(3e6).of(2) == doctest::Approx(1.5));
}

namespace {

custody::ordered_json compared(Goal goal, double subject, double baseline) {
    Report report(nullptr);
    report.begin_case("a_case", "about it");
    report.compare({.what = "it", .goal = goal}, Unit::per_second(10), {"it", {subject}}, {"other", {baseline}});
    CHECK(report.missed() == (report.results()[0]["to_reach"]["reached"] == true ? 0 : 1));
    return report.results()[0];
}

}  // namespace

TEST_CASE("a goal is of times or of rates") {
    const auto time = compared(Goal::time_at_most(1.2), 3, 2);
    CHECK(time["case"] == "a_case");
    CHECK(time["ratio"]["median"] == doctest::Approx(1.5));
    CHECK(time["to_reach"]["at_most"] == 1.2);
    CHECK(time["to_reach"]["reached"] == false);
    const auto rate = compared(Goal::rate_at_least(1.5), 1, 2);
    CHECK(rate["ratio"]["median"] == doctest::Approx(2));
    CHECK(rate["to_reach"]["at_least"] == 1.5);
    CHECK(rate["to_reach"]["reached"] == true);
    CHECK(compared(Goal::value_at_least(4), 2, 1)["to_reach"]["reached"] == true);
    CHECK(compared(Goal::value_at_least(6), 2, 1)["to_reach"]["reached"] == false);
}

TEST_CASE("the table shows what was missed and what was skipped") {
    std::ostringstream table;
    Report report(&table);
    report.begin_case("a_case", "about it");
    report.add({.what = "too slow", .unit = "s", .value = spread_of({2}), .goal = Goal::value_at_most(1)});
    report.skip("it", "there is no such thing here");
    CHECK(table.str().find("a_case: about it") != std::string::npos);
    CHECK(table.str().find("MISSED") != std::string::npos);
    CHECK(table.str().find("skipped: there is no such thing here") != std::string::npos);
    CHECK(report.results()[1]["skipped"] == "there is no such thing here");
}

TEST_CASE("options, and what is refused") {
    const auto options = parse_options({"--scale=0.5", "--case=hashing", "--case=growth", "--rounds=3", "--json", "folder"});
    CHECK(options.world.scale == 0.5);
    CHECK(options.cases == std::vector<std::string>{"hashing", "growth"});
    CHECK(options.world.rounds(11) == 3);
    CHECK(options.json);
    CHECK(options.world.scaled(1000, 10) == 500);
    CHECK(options.world.scaled(10, 10) == 10);
    CHECK(options.world.folder.is_absolute());
    CHECK(parse_options({"--scale=0", "folder"}).world.rounds(11) == 1);
    CHECK(parse_options({"--worker", "create", "--scale=9"}).worker == std::vector<std::string>{"create", "--scale=9"});
    for (const auto& bad : {"--scale=x", "--scale=-1", "--scale=11", "--scale=nan", "--rounds=0", "--nonsense"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(parse_options({bad, "folder"}), std::invalid_argument);
    }
    CHECK_THROWS_AS(parse_options({}), std::invalid_argument);
    CHECK_THROWS_AS(parse_options({"one", "two"}), std::invalid_argument);
}
