#include <fmt/format.h>

#include <limits>

#include "maintenance.hpp"
#include "output.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

struct StatsFlags {};

void add_counts(Fields& fields, const std::string& title, const std::map<std::string, std::uint64_t>& counts) {
    if (counts.empty()) return;
    fields.add(title, "");
    for (const auto& [name, count] : counts) fields.add("  " + printable(name), std::to_string(count));
}

int stats(const Session& session, const StatsFlags&) {
    auto manager = session.open();
    const auto statistics = manager.get_statistics();
    if (session.json_output) {
        put_json(to_json(statistics));
        return exit_done;
    }
    Fields fields;
    fields.add("artifacts", std::to_string(statistics.total_artifacts));
    fields.add("payloads", std::to_string(statistics.total_payloads));
    fields.add("size", fmt::format("{} ({} bytes)", size_text(statistics.total_size_bytes), statistics.total_size_bytes));
    if (statistics.total_errors) fields.add("errors in calls", std::to_string(*statistics.total_errors));
    add_counts(fields, "by type", statistics.by_type);
    add_counts(fields, "by status", statistics.by_status);
    add_counts(fields, "runs by status", statistics.runs_by_status);
    add_counts(fields, "errors by operation", statistics.errors_by_operation);
    fields.print();
    return exit_done;
}

struct HoldFlags {
    std::optional<ArtifactId> id{};
    std::string reason{};
};

int hold(const Session& session, const HoldFlags& flags) {
    auto manager = session.open();
    const auto placed = manager.add_hold(*flags.id, flags.reason);
    return session.tell_done(fmt::format("artifact {} is on hold", placed.artifact_id.str()), [&] { return to_json(placed); });
}

struct ReleaseFlags {
    std::optional<ArtifactId> id{};
    std::optional<std::int64_t> hold_id{};
    std::string reason{};
};

int release(const Session& session, const ReleaseFlags& flags) {
    auto manager = session.open();
    const auto removed = manager.remove_hold(*flags.id, flags.reason, flags.hold_id);
    return session.tell_done(count_text(removed, "hold") + " removed from artifact " + flags.id->str(), [&] {
        return ordered_json{{"artifact_id", flags.id->str()}, {"holds_removed", removed}};
    });
}

struct HoldsFlags {};

int list_holds(const Session& session, const HoldsFlags&) {
    auto manager = session.open();
    const auto holds = manager.list_holds();
    if (session.json_output) {
        JsonArray array;
        for (const auto& each : holds) array.add(to_json(each));
        array.end();
    } else {
        Table table({{"ARTIFACT"}, {"HOLD", Table::Align::right}, {"SINCE (UTC)"}, {"BY"}, {"REASON"}});
        for (const auto& each : holds) {
            table.add(
                {each.artifact_id.str(), std::to_string(each.hold_id), time_text(each.placed_at), each.placed_by, each.reason});
        }
        table.print();
    }
    return exit_done;
}

void add_hold_verbs(CLI::App& app, Session& session) {
    auto& group = add_group(app, {"hold", "keep payloads from cleanup: add, remove, list",
                                  "custody hold add $ID --reason 'litigation 2026-17'\ncustody hold list"});
    auto placed = add_verb<HoldFlags>(
        group, session, {"add", "keep an artifact's payload from cleanup", "custody hold add $ID --reason 'litigation 2026-17'"},
        hold);
    add_artifact_id(placed.app, "ID", placed.options.id, "the artifact")->required();
    add_text(placed.app, "--reason", "R", placed.options.reason, "why")->required();

    auto lifted = add_verb<ReleaseFlags>(
        group, session,
        {"remove", "lift every hold on an artifact, or one of them",
         "custody hold remove $ID --reason 'case closed'\ncustody hold remove $ID --hold 3 --reason 'case closed'"},
        release);
    add_artifact_id(lifted.app, "ID", lifted.options.id, "the artifact")->required();
    add_parsed(
        lifted.app, "--hold", "N", lifted.options.hold_id,
        [](const std::string& text) { return parse_integer(text, 1, std::numeric_limits<std::int64_t>::max()); },
        "only the hold of this number; see custody hold list");
    add_text(lifted.app, "--reason", "R", lifted.options.reason, "why");

    add_verb<HoldsFlags>(group, session, {"list", "every hold", "custody hold list --json"}, list_holds);
}

}  // namespace

void add_maintenance_verbs(CLI::App& app, Session& session) {
    add_verb<StatsFlags>(app, session,
                         {"stats", "how many artifacts, payloads, bytes, runs and errors", "custody stats\ncustody stats --json"},
                         stats);
    add_cleanup_verb(app, session);
    add_gc_verb(app, session);
    add_retention_verbs(app, session);
    add_hold_verbs(app, session);
}

}  // namespace custody::cli
