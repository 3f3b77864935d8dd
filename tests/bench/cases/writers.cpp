// Many that write at once: threads of one process, and processes.

#include <algorithm>
#include <chrono>
#include <custody/artifact_manager.hpp>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "bench/cases/cases.hpp"
#include "bench/harness/child.hpp"
#include "bench/harness/files.hpp"
#include "bench/harness/raw_sqlite.hpp"

namespace custody::bench {

namespace {

using Clock = std::chrono::steady_clock;

void create_one(ArtifactManager& manager) {
    (void)manager.create_artifact({.type = ArtifactType::metadata, .metadata = {{"fps", 30}}});
}

void create_in_threads(ArtifactManager& manager, std::size_t threads, std::size_t count) {
    std::vector<std::thread> all;
    for (std::size_t i = 0; i < threads; ++i) {
        all.emplace_back([&] {
            for (std::size_t done = 0; done < count / threads; ++done) create_one(manager);
        });
    }
    for (auto& thread : all) thread.join();
}

/// What a process that writes says at its end: when it began and ended, by a clock that all share, and its longest wait.
struct Said {
    double begin = 0, end = 0, worst = 0;
    std::size_t errors = 0;
};

double now() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

int tell(std::size_t count, const std::function<void()>& create) {
    Said said;
    said.begin = now();
    for (std::size_t i = 0; i < count; ++i) {
        const auto before = now();
        try {
            create();
        } catch (const std::exception&) {
            ++said.errors;
        }
        said.worst = std::max(said.worst, now() - before);
    }
    said.end = now();
    std::cout << std::fixed << said.begin << ' ' << said.end << ' ' << said.worst << ' ' << said.errors << '\n';
    return 0;
}

int write_as_worker(const std::string& kind, const std::filesystem::path& store, std::size_t count) {
    if (kind == "create") {
        ArtifactManager manager(store, {.actor = "bench"});
        return tell(count, [&] { create_one(manager); });
    }
    BareRows rows(store);
    return tell(count, [&] { rows.create(1); });
}

/// Many processes, and all of them together.
struct Crowd {
    double seconds = 0;
    double worst = 0;
    std::size_t errors = 0;
};

Crowd crowd(const char* kind, const std::filesystem::path& store, std::size_t processes, std::size_t count) {
    auto command = worker(kind);
    command.push_back(store);
    command.push_back(std::to_string(count / processes));
    Crowd all;
    double begin = 0, end = 0;
    for (const auto& text : outputs_of(std::vector<Command>(processes, command))) {
        std::istringstream words(text);
        Said said;
        if (!(words >> said.begin >> said.end >> said.worst >> said.errors)) throw std::runtime_error("a writer said nothing");
        begin = begin == 0 ? said.begin : std::min(begin, said.begin);
        end = std::max(end, said.end);
        all.worst = std::max(all.worst, said.worst);
        all.errors += said.errors;
    }
    all.seconds = end - begin;
    return all;
}

/// Rounds of one and the same crowd.
struct Crowds {
    Timing timing{};
    double worst = 0;
    std::size_t errors = 0;
    void add(const Crowd& crowd) {
        timing.seconds.push_back(crowd.seconds);
        worst = std::max(worst, crowd.worst);
        errors += crowd.errors;
    }
};

}  // namespace

int work(const std::vector<std::string>& arguments) {
    const auto& kind = arguments.at(0);
    if (kind == "meter") return meter({arguments.begin() + 1, arguments.end()});
    if (kind == "create" || kind == "rows") return write_as_worker(kind, arguments.at(1), std::stoul(arguments.at(2)));
    throw std::invalid_argument("unknown worker " + kind);
}

void threads(World& world, Report& report) {
    const auto folder = world.fresh("writers");
    const auto count = world.scaled(12800, 64) / 64 * 64;
    ArtifactManager manager(folder / "store", {.actor = "bench"});
    BareRows rows(folder / "rows.db");
    const auto rows_alone = [&] {
        for (std::size_t i = 0; i < count; ++i) rows.create(1);
    };
    std::vector<Subject> subjects = {{"one thread", [&] { create_in_threads(manager, 1, count); }}, {"rows alone", rows_alone}};
    const std::vector<std::size_t> many = {2, 8, 64};
    for (const auto threads : many) {
        subjects.push_back({"threads", [&manager, threads, count] { create_in_threads(manager, threads, count); }});
    }
    const auto times = in_turns(world.rounds(5), subjects);
    const auto rate = Unit::per_second(static_cast<double>(count));
    report.compare({.what = "creates by one thread", .parameters = {{"threads", 1}}}, rate, times[0], times[1]);
    for (std::size_t i = 0; i < many.size(); ++i) {
        report.compare({.what = "creates by " + std::to_string(many[i]) + " threads",
                        .goal = many[i] == 64 ? Goal::rate_at_least(3) : Goal::rate_at_least(0.9),
                        .parameters = {{"threads", static_cast<double>(many[i])}}},
                       rate, times[2 + i], times[0]);
    }
}

void processes(World& world, Report& report) {
    constexpr std::size_t eight = 8;
    const auto folder = world.fresh("writers");
    const auto count = world.scaled(16000, 80) / eight * eight;
    ArtifactManager::init(folder / "store");
    { const BareRows tables(folder / "rows.db"); }
    Crowds one, many, bare;
    for (int round = 0; round < world.rounds(5); ++round) {
        one.add(crowd("create", folder / "store", 1, count));
        many.add(crowd("create", folder / "store", eight, count));
        bare.add(crowd("rows", folder / "rows.db", eight, count));
    }
    one.timing.name = "one process";
    bare.timing.name = "8 processes, rows alone with a busy timeout";
    const auto rate = Unit::per_second(static_cast<double>(count));
    report.compare({.what = "creates by 8 processes", .goal = Goal::rate_at_least(0.9), .parameters = {{"processes", 8}}}, rate,
                   many.timing, one.timing);
    report.add({.what = "the longest wait of 8 processes",
                .unit = "s",
                .value = spread_of({many.worst}),
                .goal = Goal::value_at_most(0.3),
                .note = "with a busy timeout alone " + std::to_string(bare.worst) + " s"});
    report.add({.what = "errors of 8 processes",
                .value = spread_of({static_cast<double>(one.errors + many.errors)}),
                .goal = Goal::value_at_most(0)});
    report.single({.what = "8 processes, rows alone with a busy timeout", .note = std::to_string(bare.errors) + " errors"}, rate,
                  bare.timing);
}

}  // namespace custody::bench
