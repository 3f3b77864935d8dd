// One large file, durable: against hashing it, which is what can't be left out, and against what people do by hand.

#include <custody/artifact_manager.hpp>
#include <memory>
#include <thread>

#include "bench/cases/cases.hpp"
#include "bench/harness/child.hpp"
#include "bench/harness/files.hpp"

namespace custody::bench {

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;
constexpr std::uint64_t large = 256 * mebibyte;  // from here on the limits hold: below, syncs and the start of a process count

std::string size_in_words(std::uint64_t bytes) {
    const auto whole = bytes / mebibyte;
    return whole >= 1024 && whole % 1024 == 0 ? std::to_string(whole / 1024) + " GiB" : std::to_string(whole) + " MiB";
}

/// Few rounds of what takes long.
int rounds_for(std::uint64_t bytes) { return bytes > 1024 * mebibyte ? 3 : bytes >= large ? 7 : 15; }

/// A file, and a store that is new in each round: content that is there already would cost no write.
class OneFile {
   public:
    OneFile(const World& world, const std::string& name, std::uint64_t bytes, Transfer transfer)
        : folder_(world.fresh(name)), transfer_(transfer) {
        make_file(source(), bytes);
    }
    OneFile(const OneFile&) = delete;
    OneFile& operator=(const OneFile&) = delete;
    ~OneFile() {
        manager_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    [[nodiscard]] std::filesystem::path source() const { return folder_ / "interview.mp4"; }
    [[nodiscard]] std::filesystem::path store() const { return folder_ / "store"; }
    [[nodiscard]] std::filesystem::path copy() const { return folder_ / "copy.mp4"; }

    /// Untimed: nothing of an earlier round is there, nor waits to be written.
    void clear() {
        manager_.reset();
        std::filesystem::remove_all(store());
        std::filesystem::remove(copy());
        alter_file(source());
        (void)hash_file(source());  // into the page cache, as far as it holds it
        sync_file_system(folder_);
    }
    void open_new() {
        clear();
        manager_ = std::make_unique<ArtifactManager>(store(), ManagerOptions{.actor = "bench"});
    }
    void open_with_content() {
        open_new();
        add();
    }
    void init_only() {
        clear();
        ArtifactManager::init(store());
    }
    void add() {
        (void)manager_->create_artifact({.type = ArtifactType::video_raw, .source_path = source(), .transfer = transfer_});
    }

   private:
    std::filesystem::path folder_;
    Transfer transfer_;
    std::unique_ptr<ArtifactManager> manager_{};
};

Subject hash_alone(OneFile& file) {
    return {"hash alone", [&file] { (void)hash_file(file.source()); }, [&file] { file.clear(); }};
}

void one_size(World& world, Report& report, std::uint64_t bytes) {
    OneFile file(world, "large", bytes, Transfer::copy);
    const auto by_hand = "cp '" + file.source().string() + "' '" + file.copy().string() + "' && sha256sum '" +
                         file.source().string() + "' >/dev/null && sync '" + file.copy().string() + "'";
    const auto times = in_turns(world.rounds(rounds_for(bytes)),
                                {hash_alone(file),
                                 {"custody", [&] { file.add(); }, [&] { file.open_new(); }},
                                 {"again", [&] { file.add(); }, [&] { file.open_with_content(); }},
                                 {"copy", [&] { copy_and_sync(file.source(), file.copy()); }, [&] { file.clear(); }},
                                 {"by hand",
                                  [&] {
                                      run({"/bin/sh", "-c", by_hand});
                                  },
                                  [&] { file.clear(); }}});
    const auto size = size_in_words(bytes);
    const std::map<std::string, double> parameters = {{"bytes", static_cast<double>(bytes)}};
    const auto goal = bytes >= large ? Goal::time_at_most(1.15) : Goal::none();
    const auto unit = Unit::milliseconds_each(1);
    const auto tell = [&](const std::string& what, const char* series, const Timing& timing, const Goal& wanted) {
        report.compare({.what = what, .goal = wanted, .parameters = parameters, .series = series}, unit, timing, times[0]);
    };
    tell("add " + size, "custody", times[1], goal);
    tell("add " + size + " that the store has", "custody, seen before", times[2], Goal::none());
    tell("copy " + size + " and sync, without a hash", "copy, sync", times[3], Goal::none());
    tell("cp, sha256sum and sync of " + size, "cp, sha256sum, sync", times[4], Goal::none());
    report.single({.what = "hash " + size, .parameters = parameters, .series = "hash alone"}, unit, times[0]);
}

}  // namespace

void large_file(World& world, Report& report) {
    const auto most = world.scaled(8192, 1);
    for (const std::size_t mebibytes : {1, 16, 64, 256, 1024, 8192}) {
        if (mebibytes <= most) one_size(world, report, mebibytes * mebibyte);
    }
}

void large_file_command(World& world, Report& report) {
    const auto bytes = world.scaled(1024, 1) * mebibyte;
    OneFile file(world, "large", bytes, Transfer::copy);
    const Command add = {world.command, "--store", file.store(), "add", "--type", "video_raw", file.source()};
    const auto times = in_turns(world.rounds(rounds_for(bytes)),
                                {hash_alone(file), {"custody add", [&] { run(add); }, [&] { file.init_only(); }}});
    report.compare({.what = "custody add of " + size_in_words(bytes),
                    .goal = bytes >= large ? Goal::time_at_most(1.2) : Goal::none(),
                    .parameters = {{"bytes", static_cast<double>(bytes)}}},
                   Unit::milliseconds_each(1), times[1], times[0]);
}

void several_large_files(World& world, Report& report) {
    const auto processors = std::max(1U, std::thread::hardware_concurrency());
    const auto folder = world.fresh("several");
    const auto bytes = world.scaled(256, 1) * mebibyte;
    std::vector<std::filesystem::path> files;
    std::vector<NewArtifact> wanted;
    for (unsigned i = 0; i < 2 * processors; ++i) {
        files.push_back(folder / ("camera_" + std::to_string(i) + ".mp4"));
        make_file(files.back(), bytes);
        wanted.push_back({.type = ArtifactType::video_raw, .source_path = files.back()});
    }
    std::unique_ptr<ArtifactManager> manager;
    const auto prepare = [&] {
        manager.reset();
        std::filesystem::remove_all(folder / "store");
        for (const auto& file : files) alter_file(file);
        hash_files(files, processors);
        manager = std::make_unique<ArtifactManager>(folder / "store", ManagerOptions{.actor = "bench"});
        sync_file_system(folder);
    };
    const auto one_by_one = [&] {
        for (const auto& each : wanted) (void)manager->create_artifact(each);
    };
    const auto times = in_turns(world.rounds(5), {{"hash alone, all cores", [&] { hash_files(files, processors); }, prepare},
                                                  {"together", [&] { (void)manager->create_artifacts(wanted); }, prepare},
                                                  {"one by one", one_by_one, prepare}});
    const auto total = static_cast<double>(bytes) * static_cast<double>(files.size());
    const std::map<std::string, double> parameters = {{"bytes", total}, {"processors", processors}};
    const auto rate = Unit::megabytes_per_second(total);
    const auto name = std::to_string(files.size()) + " files of " + size_in_words(bytes);
    report.compare({.what = name + " in one call", .parameters = parameters}, rate, times[1], times[0]);
    report.compare({.what = name + ", one call each", .parameters = parameters}, rate, times[2], times[0]);
    manager.reset();
    std::filesystem::remove_all(folder);
}

void reflink(World& world, Report& report) {
    const auto bytes = world.scaled(1024, 1) * mebibyte;
    const auto name = "clone " + size_in_words(bytes) + ", then hash the clone";
    if (!can_clone(world.folder)) {
        report.skip(name, std::string("the file system of the folder (") + file_system_of(world.folder) +
                              ") has no clones; tests/bench/reflink_volume makes one that has");
        return;
    }
    OneFile file(world, "large", bytes, Transfer::reflink);
    const auto times =
        in_turns(world.rounds(rounds_for(bytes)), {hash_alone(file), {"custody", [&] { file.add(); }, [&] { file.open_new(); }}});
    report.compare({.what = name,
                    .goal = bytes >= large ? Goal::time_at_most(1.05) : Goal::none(),
                    .parameters = {{"bytes", static_cast<double>(bytes)}}},
                   Unit::milliseconds_each(1), times[1], times[0]);
}

}  // namespace custody::bench
