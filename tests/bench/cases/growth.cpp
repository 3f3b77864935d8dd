// What an operation costs as a store grows, from a thousand artifacts in steps of ten, in turns.

#include <custody/artifact_manager.hpp>
#include <memory>

#include "bench/cases/cases.hpp"
#include "bench/harness/child.hpp"
#include "bench/harness/files.hpp"

namespace custody::bench {

namespace {

std::vector<std::size_t> sizes(const World& world) {
    const auto most = world.scaled(1000000, 200);
    std::vector<std::size_t> all;
    for (std::size_t size = most < 10000 ? 100 : 1000; size < most; size *= 10) all.push_back(size);
    all.push_back(most);
    return all;
}

/// A store of one size, and what is done with it.
struct Grown {
    Built built{};
    std::unique_ptr<ArtifactManager> manager{};
    std::vector<ArtifactId> made{};  ///< for this round: pending, without links
    std::size_t next = 0;
    [[nodiscard]] const ArtifactId& any() { return built.some[next++ * 7 % built.some.size()]; }

    void make(std::size_t count) {
        const std::vector<NewArtifact> wanted(count, {.type = ArtifactType::metadata, .status = ArtifactStatus::pending});
        made.clear();
        for (const auto& artifact : manager->create_artifacts(wanted)) made.push_back(artifact.id);
    }
};

struct Operation {
    const char* name;
    std::size_t times;
    void (*once)(Grown& store, std::size_t number);
    bool on_new;  ///< needs new artifacts
};

const Operation operations[] = {
    {"get", 500, [](Grown& store, std::size_t) { (void)store.manager->get_artifact(store.any()); }, false},
    {"add", 10,
     [](Grown& store, std::size_t number) {
         (void)store.manager->create_artifact(
             {.type = ArtifactType::metadata, .source_artifacts = {store.any()}, .metadata = {{"frame", number}}});
     },
     false},
    {"link", 10,
     [](Grown& store, std::size_t number) {
         (void)store.manager->link_artifacts({.source_artifact_ids = {store.any()}, .output_artifact_id = store.made[number]});
     },
     true},
    {"status", 10,
     [](Grown& store, std::size_t number) {
         (void)store.manager->update_artifact_status(store.made[number], ArtifactStatus::in_progress);
     },
     true},
    {"newest page", 20,
     [](Grown& store, std::size_t) {
         (void)store.manager->list_artifacts({.type = ArtifactType::log, .status = ArtifactStatus::in_progress, .limit = 50});
     },
     false},
    {"history", 200, [](Grown& store, std::size_t) { (void)store.manager->audit().get_artifact_history(store.any()); }, false},
};

void measure(World& world, Report& report, std::vector<Grown>& stores, const Operation& operation) {
    const auto times = world.scale == 0 ? 1 : operation.times;
    std::vector<Subject> subjects;
    for (auto& store : stores) {
        subjects.push_back({std::to_string(store.built.artifacts) + " artifacts",
                            [&store, &operation, times] {
                                for (std::size_t i = 0; i < times; ++i) operation.once(store, i);
                            },
                            [&store, &operation, times] {
                                if (operation.on_new) store.make(times);
                            }});
    }
    const auto timings = in_turns(world.rounds(21), subjects, true);
    const auto unit = Unit::microseconds_each(static_cast<double>(times));
    for (std::size_t i = 0; i < stores.size(); ++i) {
        Result result = {.what = std::string(operation.name) + " at " + subjects[i].name,
                         .parameters = {{"artifacts", static_cast<double>(stores[i].built.artifacts)}},
                         .series = operation.name};
        if (i + 1 == stores.size()) result.goal = Goal::time_at_most(1.3);
        report.compare(std::move(result), unit, timings[i], timings[0]);
    }
}

}  // namespace

void growth(World& world, Report& report) {
    std::vector<Grown> stores;
    for (const auto size : sizes(world)) {
        stores.emplace_back().built = world.store(size);
        // Entries of reads would be written now and then, in the middle of something else.
        stores.back().manager =
            std::make_unique<ArtifactManager>(stores.back().built.path, ManagerOptions{.actor = "bench", .enable_audit = false});
    }
    for (const auto& operation : operations) measure(world, report, stores, operation);
}

void list_page(World& world, Report& report) {
    const auto few = world.store(100);
    const auto many = world.store(world.scaled(1000000, 200));
    const auto list = [&](const Built& built, const std::vector<std::string>& filter) {
        Command command = {world.command, "--store", built.path, "--quiet", "list"};
        command.insert(command.end(), filter.begin(), filter.end());
        return [command] { run(command); };
    };
    const std::vector<std::vector<std::string>> filters = {
        {}, {"--type", "log"}, {"--status", "completed"}, {"--type", "log", "--status", "completed"}};
    for (const auto& filter : filters) {
        std::string name = "custody list";
        for (const auto& word : filter) name += " " + word;
        const auto times =
            in_turns(world.rounds(21), {{"100 artifacts", list(few, filter)}, {"many", list(many, filter)}}, world.scale > 0);
        report.compare({.what = name + " at " + std::to_string(many.artifacts) + " artifacts",
                        .goal = Goal::value_at_most(20),
                        .parameters = {{"artifacts", static_cast<double>(many.artifacts)}}},
                       Unit::milliseconds_each(1), times[1], times[0]);
    }
}

void command(World& world, Report& report) {
    const auto folder = world.fresh("command");
    const auto count = std::min<std::size_t>(200, world.scaled(2000, 2));
    ArtifactManager::init(folder / "store");
    std::vector<std::filesystem::path> files;
    const auto renew = [&] { files = make_files(folder / "files", count, 4096); };
    const auto each = [&](const std::function<Command(const std::filesystem::path&)>& command) {
        return [&files, command] {
            for (const auto& file : files) run(command(file));
        };
    };
    std::vector<Subject> subjects = {{"/bin/true", each([](const auto&) { return Command{"/bin/true"}; }), renew},
                                     {"custody add", each([&](const auto& file) {
                                          return Command{world.command,     "--store", folder / "store", "add", "--type",
                                                         "video_keypoints", file};
                                      }),
                                      renew}};
    const bool has_git = is_installed("git");
    if (has_git) {
        run({"git", "init", "-q", "--bare", folder / "git"});
        subjects.push_back({"git hash-object -w", each([&](const auto& file) {
                                return Command{"git", "--git-dir", folder / "git", "hash-object", "-w", file};
                            }),
                            renew});
    }
    const auto times = in_turns(world.rounds(7), subjects, world.scale > 0);
    const auto rate = Unit::per_second(static_cast<double>(count));
    report.compare({.what = "custody add of 4 KiB, one process each", .goal = Goal::value_at_least(150)}, rate, times[1],
                   times.back());
    report.compare({.what = "starting a process"}, Unit::milliseconds_each(static_cast<double>(count)), times[1], times[0]);
    if (!has_git) report.skip("git hash-object -w, one process each", "git is not installed");
}

}  // namespace custody::bench
