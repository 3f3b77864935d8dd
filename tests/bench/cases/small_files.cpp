// Files of 4 KiB: one durable transaction each, in batches, and in one command beside git.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <custody/artifact_manager.hpp>
#include <fstream>
#include <stdexcept>

#include "bench/cases/cases.hpp"
#include "bench/harness/child.hpp"
#include "bench/harness/files.hpp"
#include "bench/harness/raw_sqlite.hpp"
#include "bench/harness/sync_count.hpp"

namespace custody::bench {

namespace {

constexpr std::size_t small = 4096;
using Paths = std::vector<std::filesystem::path>;

/// The least that a durable file with a row takes: written, synced, given its name, the folder synced, and the commit.
class BareFiles {
   public:
    explicit BareFiles(const std::filesystem::path& folder) : folder_(folder), rows_(folder / "rows.db") {}
    void one_by_one(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            put(true);
            sync_folder();
            rows_.create(1);
        }
    }
    void batch(std::size_t count) {
        std::vector<std::filesystem::path> names;
        for (std::size_t i = 0; i < count; ++i) put(false);
        sync_file_system(folder_);
        rename_all();
        sync_file_system(folder_);
        rows_.create(count);
    }

   private:
    void put(bool durable) {
        const auto name = folder_ / std::to_string(next_++);
        const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
        const bool done = file >= 0 && ::write(file, content_.data(), content_.size()) == static_cast<ssize_t>(content_.size()) &&
                          (!durable || ::fsync(file) == 0);
        ::close(file);
        if (!done) throw std::runtime_error("can't write " + name.string());
        if (!durable) unnamed_.push_back(name);
    }
    void rename_all() {
        for (const auto& name : unnamed_) std::filesystem::rename(name, name.string() + ".blob");
        unnamed_.clear();
    }
    void sync_folder() const {
        const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const bool done = ::fsync(folder) == 0;
        ::close(folder);
        if (!done) throw std::runtime_error("can't sync " + folder_.string());
    }
    std::filesystem::path folder_;
    BareRows rows_;
    std::string content_ = std::string(small, 'c');
    Paths unnamed_{};
    std::size_t next_ = 0;
};

std::vector<NewArtifact> wanted_of(const Paths& files) {
    std::vector<NewArtifact> wanted;
    for (const auto& file : files) wanted.push_back({.type = ArtifactType::video_keypoints, .source_path = file});
    return wanted;
}

void create_each(ArtifactManager& manager, const Paths& files) {
    for (const auto& file : files) {
        (void)manager.create_artifact({.type = ArtifactType::video_keypoints, .source_path = file});
    }
}

/// git as a store of content, where it is installed: `durable` has it sync each object.
class Git {
   public:
    explicit Git(const std::filesystem::path& folder) : folder_(folder) { run({"git", "init", "-q", "--bare", folder}); }
    void add(const std::filesystem::path& list, bool durable) const {
        run({"git", "--git-dir", folder_, "-c", durable ? "core.fsync=loose-object" : "core.fsync=none", "-c",
             durable ? "core.fsyncMethod=batch" : "core.fsyncMethod=fsync", "hash-object", "-w", "--no-filters", "--stdin-paths"},
            list);
    }

   private:
    std::filesystem::path folder_;
};

/// New files in each round, and the list of them that git reads. Those before stay: for minutes ext4 goes around each inode that
/// was deleted, one by one, and whoever makes files next would be measured with that.
struct Files {
    Paths paths{};
    std::filesystem::path folder;
    std::size_t count;
    std::size_t rounds = 0;
    [[nodiscard]] std::filesystem::path list() const { return folder / "list"; }
    void renew() {
        paths = make_files(folder / ("files_" + std::to_string(rounds++)), count, small);
        std::ofstream out(list());
        for (const auto& path : paths) out << path.string() << '\n';
    }
};

Subject durable_git(const Git& git, Files& files) {
    return {"git hash-object, durable", [&] { git.add(files.list(), true); }, [&] { files.renew(); }};
}

void count_syncs(Report& report, const char* what, double least, const std::function<void()>& work, std::size_t count) {
    const auto before = syncs_so_far();
    work();
    const auto syncs = static_cast<double>(syncs_so_far() - before) / static_cast<double>(count);
    report.add({.what = what,
                .unit = "syncs",
                .value = spread_of({syncs}),
                // Those of a checkpoint (two for every 4 MiB of log) and of new folders are shared by many.
                .goal = count >= 500 ? Goal::value_at_most(least + 0.1) : Goal::none(),
                .note = "the rules of order need " + std::to_string(static_cast<int>(least))});
}

}  // namespace

void small_files(World& world, Report& report) {
    const auto folder = world.fresh("small");
    Files files{{}, folder, world.scaled(2000, 10)};
    const auto rounds = world.rounds(7);
    ArtifactManager manager(folder / "store", {.actor = "bench"});
    std::filesystem::create_directory(folder / "bare");
    BareFiles bare(folder / "bare");
    BareRows rows(folder / "bare/alone.db");
    const auto metadata_alone = [&] {
        for (std::size_t i = 0; i < files.count; ++i) {
            (void)manager.create_artifact({.type = ArtifactType::metadata, .metadata = {{"fps", 30}, {"frame", i}}});
        }
    };
    const auto rows_alone = [&] {
        for (std::size_t i = 0; i < files.count; ++i) rows.create(1);
    };
    const auto renew = [&] { files.renew(); };
    const auto times = in_turns(rounds, {{"files, syncs and rows alone", [&] { bare.one_by_one(files.count); }},
                                         {"custody", [&] { create_each(manager, files.paths); }, renew},
                                         {"rows alone", rows_alone},
                                         {"metadata", metadata_alone}});
    const auto rate = Unit::per_second(static_cast<double>(files.count));
    report.compare({.what = "create with a file of 4 KiB, one transaction each"}, rate, times[1], times[0]);
    report.compare({.what = "create of metadata alone, one transaction each"}, rate, times[3], times[2]);
    renew();
    count_syncs(
        report, "syncs of a create with a file", 3, [&] { create_each(manager, files.paths); }, files.count);
    count_syncs(report, "syncs of a create of metadata", 1, metadata_alone, files.count);
}

void small_files_batch(World& world, Report& report) {
    const auto folder = world.fresh("batch");
    Files files{{}, folder, world.scaled(100000, 20) < 1000 ? world.scaled(100000, 20) : 1000};
    ArtifactManager manager(folder / "store", {.actor = "bench"});
    std::filesystem::create_directory(folder / "bare");
    BareFiles bare(folder / "bare");
    const auto renew = [&] { files.renew(); };
    std::vector<Subject> subjects = {{"files, two syncfs and rows alone", [&] { bare.batch(files.count); }},
                                     {"custody", [&] { (void)manager.create_artifacts(wanted_of(files.paths)); }, renew}};
    const bool has_git = is_installed("git");
    std::optional<Git> git;
    if (has_git) {
        git.emplace(folder / "git");
        subjects.push_back({"git hash-object", [&] { git->add(files.list(), false); }, renew});
    }
    const auto times = in_turns(world.rounds(15), subjects, world.scale > 0);
    const auto rate = Unit::per_second(static_cast<double>(files.count));
    const auto name = "create with files of 4 KiB, " + std::to_string(files.count) + " in one transaction";
    report.compare({.what = name}, rate, times[1], times[0]);
    if (!has_git) return report.skip(name + ", against git", "git is not installed");
    report.compare({.what = name, .goal = Goal::rate_at_least(1.5), .note = "git syncs nothing"}, rate, times[1], times[2]);
    const auto durable = in_turns(world.rounds(3), {subjects[1], durable_git(*git, files)});  // slow: a sync for each file
    report.compare({.what = name, .goal = Goal::rate_at_least(1.5)}, rate, durable[0], durable[1]);
}

void small_files_command(World& world, Report& report) {
    const auto folder = world.fresh("many");
    Files files{{}, folder, world.scaled(200000, 20) < 2000 ? world.scaled(200000, 20) : 2000};
    const auto name = "custody add of " + std::to_string(files.count) + " files of 4 KiB";
    if (!is_installed("git")) return report.skip(name, "git is not installed");
    ArtifactManager::init(folder / "store");
    const Git git(folder / "git");
    const auto renew = [&] { files.renew(); };
    const auto add = [&] {
        Command command = {world.command, "--store", folder / "store", "add", "--type", "video_keypoints"};
        for (const auto& path : files.paths) command.push_back(path);
        run(command);
    };
    const Subject custody = {"custody add", add, renew};
    const auto times =
        in_turns(world.rounds(11), {{"git hash-object", [&] { git.add(files.list(), false); }, renew}, custody}, world.scale > 0);
    const auto rate = Unit::per_second(static_cast<double>(files.count));
    report.compare({.what = name, .goal = Goal::rate_at_least(1.5), .note = "git syncs nothing"}, rate, times[1], times[0]);
    const auto durable = in_turns(world.rounds(3), {custody, durable_git(git, files)});
    report.compare({.what = name, .goal = Goal::rate_at_least(1.5)}, rate, durable[0], durable[1]);
}

}  // namespace custody::bench
