#include <fmt/format.h>

#include <limits>

#include "confirmation.hpp"
#include "maintenance.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace custody::cli {

namespace {

struct CleanupFlags {
    int older_than_days = 0;
    std::optional<ArtifactType> type{};
    std::optional<ArtifactStatus> status{};
    std::string reason{};
    bool dry_run = false;
    bool yes = false;
};

CleanupReport clean(const Session& session, ArtifactManager& manager, const CleanupFlags& flags, bool dry_run) {
    ProgressBar bar(session, dry_run ? "looking" : "removing", ProgressBar::Unit::items,
                    dry_run ? "nothing was removed" : "what was removed so far is in the audit trail, the rest was left alone");
    return manager.cleanup_old_artifacts({.older_than_days = flags.older_than_days,
                                          .type = flags.type,
                                          .status = flags.status,
                                          .reason = flags.reason,
                                          .dry_run = dry_run,
                                          .progress = bar.callback()});
}

/// Before the fact nobody knows which files are shared with what stays, so the size is an upper bound.
std::string summary(const CleanupReport& report) {
    const auto artifacts = count_text(report.removed.size(), "artifact");
    const auto size = size_text(report.removed_bytes);
    return report.dry_run ? fmt::format("the payloads of {}, at most {}; {} kept", artifacts, size, report.kept.size())
                          : fmt::format("the payloads of {}: {}, {}; {} kept", artifacts,
                                        count_text(report.removed_files, "file"), size, report.kept.size());
}

void print_report(const CleanupReport& report) {
    for (const auto& id : report.removed) put_line(id.str() + (report.dry_run ? "  would be removed" : "  removed"));
    for (const auto& kept : report.kept) put_line(kept.id.str() + "  kept: " + printable(kept.reason));
}

int cleanup(const Session& session, const CleanupFlags& flags) {
    const bool ask =
        has_to_ask(flags.yes, flags.dry_run, "this removes payloads: add --yes to do so, or --dry-run to see what would go");
    auto manager = session.open();
    if (ask) {
        const auto preview = clean(session, manager, flags, true);
        if (!preview.removed.empty() && !confirmed("this would remove " + summary(preview))) throw Error("nothing was removed");
    }
    const auto report = clean(session, manager, flags, flags.dry_run);
    const auto print = [&] {
        if (session.json_output) return put_json(to_json(report));
        print_report(report);
        session.say((report.dry_run ? "would remove " : "removed ") + summary(report));
        if (report.removed_files > 0) {
            session.say("their space is freed after a grace of one hour by the next cleanup or gc; now by custody gc --grace 0");
        }
    };
    return put_result(report.dry_run ? "" : "removed " + summary(report), print) ? exit_done : exit_partial;
}

}  // namespace

void add_cleanup_verb(CLI::App& app, Session& session) {
    auto [verb, flags] = add_verb<CleanupFlags>(
        app, session,
        {"cleanup", "remove payloads of old artifacts; records, links and the trail stay",
         "custody cleanup --older-than 30 --dry-run\n"
         "custody cleanup --older-than 90 --type video_raw --status completed --reason 'study 7 is over' --yes"},
        cleanup);
    add_parsed(
        verb, "--older-than", "DAYS", flags.older_than_days,
        [](const std::string& text) { return static_cast<int>(parse_integer(text, 0, std::numeric_limits<int>::max())); },
        "made more than so many days ago; 0: all")
        ->required();
    add_type(verb, "--type", flags.type, "only of this type");
    add_status(verb, "--status", flags.status, "only of this status");
    add_text(verb, "--reason", "R", flags.reason, "why; kept with each removal");
    add_flag(verb, "--dry-run", flags.dry_run, "say what would go, and change nothing");
    add_flag(verb, "--yes", flags.yes, "don't ask");
}

}  // namespace custody::cli
