#include <fmt/format.h>

#include <limits>

#include "confirmation.hpp"
#include "maintenance.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace custody::cli {

namespace {

struct GcFlags {
    int grace_seconds = static_cast<int>(GcOptions{}.grace.count());
    std::string reason{};
    bool dry_run = false;
    bool yes = false;
};

GcReport collect(const Session& session, ArtifactManager& manager, const GcFlags& flags, bool dry_run) {
    ProgressBar bar(session, dry_run ? "looking" : "collecting", ProgressBar::Unit::items,
                    dry_run ? "nothing was removed" : "what was removed so far is in the audit trail, the rest was left alone");
    return manager.collect_garbage({.grace = std::chrono::seconds(flags.grace_seconds),
                                    .reason = flags.reason,
                                    .dry_run = dry_run,
                                    .progress = bar.callback()});
}

std::string summary(const GcReport& report) {
    return fmt::format("the payloads of {}, {}; {} kept; {} ({}) {} to the trash; {} ({}) {}",
                       count_text(report.removed.size(), "artifact"), size_text(report.removed_bytes), report.kept.size(),
                       count_text(report.collected.size(), "unused payload"), size_text(report.collected_bytes),
                       report.dry_run ? "would go" : "went", count_text(report.freed.size(), "file"),
                       size_text(report.freed_bytes), report.dry_run ? "would be freed" : "freed");
}

bool finds_anything(const GcReport& report) {
    return !report.removed.empty() || !report.collected.empty() || !report.freed.empty();
}

void put_items(const std::vector<GcItem>& items, const std::string& what) {
    for (const auto& item : items) {
        put_line(fmt::format("{}  {}: {} ({})", printable(item.path.string()), what, printable(item.reason),
                             size_text(item.size_bytes)));
    }
}

void print_report(const GcReport& report) {
    const std::string would = report.dry_run ? "would be " : "";
    for (const auto& each : report.removed) {
        put_line(fmt::format("{}  {}removed: {} is kept for {}", each.id.str(), would, each.type.str(),
                             count_text(static_cast<std::uint64_t>(each.days), "day")));
    }
    for (const auto& kept : report.kept) put_line(kept.id.str() + "  kept: " + printable(kept.reason));
    put_items(report.collected, would + "moved to the trash");
    put_items(report.freed, would + "freed");
    put_items(report.left, "left");
}

int gc(const Session& session, const GcFlags& flags) {
    const bool ask =
        has_to_ask(flags.yes, flags.dry_run, "this removes payloads: add --yes to do so, or --dry-run to see what would go");
    auto manager = session.open_to_collect();
    if (ask) {
        const auto preview = collect(session, manager, flags, true);
        if (finds_anything(preview) && !confirmed("this would remove " + summary(preview))) throw Error("nothing was removed");
    }
    const auto report = collect(session, manager, flags, flags.dry_run);
    const auto print = [&] {
        if (session.json_output) return put_json(to_json(report));
        print_report(report);
        session.say((report.dry_run ? "would remove " : "removed ") + summary(report));
    };
    const auto written = put_result(report.dry_run ? "" : "removed " + summary(report), print);
    if (report.failed != 0) complain(count_text(report.failed, "file") + " could not be removed");
    return written && report.failed == 0 ? exit_done : exit_partial;
}

}  // namespace

void add_gc_verb(CLI::App& app, Session& session) {
    auto [verb, flags] = add_verb<GcFlags>(app, session,
                                           {"gc", "apply retention policies, and free what nothing needs any more",
                                            "custody gc --dry-run\ncustody gc --yes\ncustody gc --grace 0 --yes"},
                                           gc);
    add_parsed(
        verb, "--grace", "S", flags.grace_seconds,
        [](const std::string& text) { return static_cast<int>(parse_integer(text, 0, std::numeric_limits<int>::max())); },
        "how many seconds a removed payload stays in trash/ before its space is freed; 3600 (an hour) unless given");
    add_text(verb, "--reason", "R", flags.reason, "why; kept with each removal, beside the policy's reason");
    add_flag(verb, "--dry-run", flags.dry_run, "say what would go, and what not and why, and change nothing");
    add_flag(verb, "--yes", flags.yes, "don't ask");
}

}  // namespace custody::cli
