// Power loss: everything that a load writes is recorded, and the disk is put together again as a power loss at any moment may
// have left it (power_loss/replay.hpp says which disks those are). The store there opens, verifies, and has what was
// acknowledged. The control: the same disks, had the database been written with synchronous=NORMAL. They must show losses.
#include <atomic>
#include <numeric>

#include "faults/driver/load.hpp"
#include "faults/power_loss/replay.hpp"
#include "faults/support/program.hpp"
#include "faults/support/state.hpp"

using namespace custody;
using namespace custody::faults;

namespace {

constexpr const char* usage =
    "usage: faults_power_loss [--states=N] [--steps=N] [--seed=N]\n"
    "Records a load of N steps (60) and tries N states (2000) that power losses in it leave; a tenth as many for the control.\n";

struct Tally {
    std::atomic<std::uint64_t> states{0};
    std::atomic<std::uint64_t> with_losses{0};
    std::atomic<std::uint64_t> creates{0};
    std::atomic<std::uint64_t> lost{0};
};

std::vector<Event> record(const Folder& folder, const CommandLine& line, std::uint64_t seed) {
    const World world(folder.path() / "recorded");
    std::filesystem::create_directories(world.root());
    Recorder recorder(world.root());
    const auto ended = trace({LOAD_DRIVER, world.root().string(), std::to_string(seed), std::to_string(line.number("steps", 60))},
                             world.root(), recorder, std::chrono::seconds(600));
    if (ended.exit_code != 0) throw std::runtime_error("the load failed: " + (ended.lines.empty() ? "" : ended.lines.back()));
    return recorder.events();
}

// Mostly what isn't durable is lost by chance; now and then all of it, or none.
double draw_luck(std::mt19937_64& random) {
    switch (random() % 4) {
        case 0:
            return 0;
        case 1:
            return 1;
        default:
            return std::uniform_real_distribution<double>(0, 1)(random);
    }
}

/// One share of the states, in the order of the log.
void try_states(const std::vector<Event>& events, bool careless, std::uint64_t count, std::uint64_t seed,
                const std::string& place, Tally& tally, Verdicts& verdicts) {
    std::mt19937_64 random(seed);
    std::vector<std::size_t> moments(count);
    for (auto& moment : moments) moment = random() % (events.size() + 1);
    std::sort(moments.begin(), moments.end());
    Replay replay(events, careless);
    const World world(place);
    for (const auto moment : moments) {
        replay.advance_to(moment);
        replay.make(world.root(), draw_luck(random), random);
        Acknowledged acknowledged;
        for (const auto& line : replay.said()) acknowledged.add(line);
        Problems problems;
        try {
            const auto lost = acknowledged.check(world, problems);
            tally.creates += acknowledged.creates();
            tally.lost += lost;
            tally.with_losses += problems.empty() ? 0 : 1;
            ++tally.states;
            if (careless) continue;
            { ArtifactManager again(world.store(), {.actor = "harness", .lock_timeout = std::chrono::seconds(5)}); }
            check_store(world, problems);
        } catch (const std::exception& error) {
            problems.emplace_back(error.what());
        }
        if (!careless)
            verdicts.add("power loss before event " + std::to_string(moment) + " of seed " + std::to_string(seed), problems);
    }
}

void try_all(const std::vector<Event>& events, bool careless, std::uint64_t count, std::uint64_t seed, const Folder& folder,
             Tally& tally, Verdicts& verdicts) {
    constexpr std::uint64_t share = 100;
    in_parallel((count + share - 1) / share, [&](std::size_t i) {
        const auto place = folder.path() / ("state-" + std::to_string(i));
        try_states(events, careless, std::min(share, count - i * share), seed + i, place.string(), tally, verdicts);
        std::filesystem::remove_all(place);
    });
}

void print(const char* what, const Tally& tally) {
    std::cout << what << ": " << tally.states << " states, " << tally.with_losses << " of them with a loss; " << tally.lost
              << " of " << tally.creates << " acknowledged creates lost" << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
    const CommandLine line(argc, argv, usage);
    if (!can_trace()) return skip("this machine doesn't let programs be traced");
    const auto states = line.number("states", 2000);
    const auto seed = line.number("seed", std::random_device{}());
    std::cout << "seed " << seed << std::endl;
    Verdicts verdicts;
    try {
        const Folder folder;
        const auto events = record(folder, line, seed);
        std::cout << events.size() << " events recorded" << std::endl;
        Tally tally;
        try_all(events, false, states, seed, folder, tally, verdicts);
        print("synchronous=FULL, as it is", tally);
        Tally control;
        try_all(events, true, std::max<std::uint64_t>(states / 10, 100), seed, folder, control, verdicts);
        print("the control, synchronous=NORMAL", control);
        if (control.with_losses * 10 < control.states)
            verdicts.add("the control", {"shows too few losses: the harness is blind"});
    } catch (const std::exception& error) {
        verdicts.add("power loss", {error.what()});
    }
    return verdicts.finish();
}
