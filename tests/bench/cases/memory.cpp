// Peak memory of what is large, each in a process of its own.

#include <algorithm>
#include <custody/artifact_manager.hpp>

#include "bench/cases/cases.hpp"
#include "bench/harness/child.hpp"
#include "bench/harness/files.hpp"

namespace custody::bench {

namespace {

void peak(Report& report, const std::string& what, double at_most, const std::map<std::string, double>& parameters,
          const Command& command) {
    const auto ended = metered(command);
    report.add({.what = what,
                .unit = "MiB",
                .value = spread_of({ended.peak_mib}),
                .goal = Goal::value_at_most(at_most),
                .parameters = parameters,
                .note = std::to_string(ended.seconds) + " s, " + std::to_string(ended.out_bytes) + " bytes"});
}

/// How many links away a walk from the newest artifact has met so many.
std::size_t depth_for(std::size_t nodes, std::size_t width) {
    std::size_t depth = 0;
    for (std::size_t met = 1, level = 1; met < nodes; ++depth) {
        level = std::min(2 * level, width);
        met += level;
    }
    return depth;
}

}  // namespace

void memory(World& world, Report& report) {
    const auto folder = world.fresh("memory");
    const auto mebibytes = world.scaled(8192, 1);
    make_file(folder / "large.mp4", static_cast<std::uint64_t>(mebibytes) << 20U);
    ArtifactManager::init(folder / "store");
    peak(report, "custody add of " + std::to_string(mebibytes) + " MiB", 64,
         {{"bytes", static_cast<double>(mebibytes) * 1048576}},
         {world.command, "--store", folder / "store", "add", "--type", "video_raw", folder / "large.mp4"});
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);

    const auto built = world.store(world.scaled(1000000, 200));
    const std::map<std::string, double> artifacts = {{"artifacts", static_cast<double>(built.artifacts)}};
    const auto custody = [&](std::vector<std::string> words) {
        Command command = {world.command, "--store", built.path};
        command.insert(command.end(), words.begin(), words.end());
        return command;
    };
    const auto number = std::to_string(built.artifacts);
    peak(report, "custody list --limit 0 of " + number, 64, artifacts, custody({"list", "--limit", "0"}));
    peak(report, "custody list --limit 0 --json of " + number, 64, artifacts, custody({"--json", "list", "--limit", "0"}));
    const auto entries = entries_of(built.path);
    const std::map<std::string, double> of_entries = {{"entries", static_cast<double>(entries)}};
    std::filesystem::create_directory(folder / "months");
    const auto exported = "custody audit export of " + std::to_string(entries);
    peak(report, exported + ", months", 64, of_entries, custody({"audit", "export", "--all", "--out", folder / "months"}));
    for (const std::string format : {"json", "csv"}) {
        peak(report, exported + ", " + format, 64, of_entries,
             custody({"audit", "export", "--format", format, "--out", folder / ("trail." + format)}));
        std::filesystem::remove_all(folder / ("trail." + format));
    }
    const auto nodes = built.artifacts / 10;
    const auto depth = depth_for(nodes, level_width(built.artifacts));
    for (const std::string format : {"tree", "json"}) {
        peak(report, "custody lineage of " + std::to_string(nodes) + " and more, " + format, 200, artifacts,
             custody({"--quiet", "lineage", built.last.front().str(), "--depth", std::to_string(depth), "--format", format}));
    }
    std::filesystem::remove_all(folder);
}

}  // namespace custody::bench
