#include <limits>

#include "maintenance.hpp"
#include "output.hpp"

namespace custody::cli {

namespace {

struct RetentionFlags {
    std::optional<ArtifactType> type{};
    int days = 0;
    bool when_descendants_completed = false;
    std::string reason{};
};

std::string rule_text(const RetentionPolicy& policy) {
    return count_text(static_cast<std::uint64_t>(policy.days), "day") +
           (policy.when_descendants_completed ? ", and until every descendant is completed or archived" : "");
}

int set(const Session& session, const RetentionFlags& flags) {
    auto manager = session.open();
    const auto policy = manager.set_retention(
        *flags.type,
        {.days = flags.days, .when_descendants_completed = flags.when_descendants_completed, .reason = flags.reason});
    return session.tell_done("payloads of type " + policy.type.str() + " are kept for " + rule_text(policy),
                             [&] { return to_json(policy); });
}

int remove(const Session& session, const RetentionFlags& flags) {
    auto manager = session.open();
    manager.remove_retention(*flags.type, flags.reason);
    return session.tell_done("payloads of type " + flags.type->str() + " are kept until they are cleaned up", [&] {
        return ordered_json{{"artifact_type", flags.type->name()}, {"removed", true}};
    });
}

struct ListFlags {};

int list(const Session& session, const ListFlags&) {
    auto manager = session.open();
    const auto policies = manager.list_retention();
    if (session.json_output) {
        JsonArray array;
        for (const auto& policy : policies) array.add(to_json(policy));
        array.end();
        return exit_done;
    }
    Table table({{"TYPE"}, {"KEPT FOR"}, {"SINCE (UTC)"}, {"BY"}, {"REASON"}});
    for (const auto& policy : policies) {
        table.add({policy.type.str(), rule_text(policy), time_text(policy.set_at), policy.set_by, policy.reason});
    }
    table.print();
    return exit_done;
}

}  // namespace

void add_retention_verbs(CLI::App& app, Session& session) {
    auto& group = add_group(
        app,
        {"retention", "how long payloads of a type are kept: set, remove, list",
         "custody retention set video_raw --days 90 --when-descendants-completed\ncustody retention list\ncustody gc --dry-run"});
    auto rule =
        add_verb<RetentionFlags>(group, session,
                                 {"set", "set a type's policy, in place of the one that it has; gc applies it",
                                  "custody retention set log --days 30\n"
                                  "custody retention set video_raw --days 90 --when-descendants-completed --reason 'SOP 12'"},
                                 set);
    add_type(rule.app, "TYPE", rule.options.type, "the type")->required();
    add_parsed(
        rule.app, "--days", "N", rule.options.days,
        [](const std::string& text) { return static_cast<int>(parse_integer(text, 0, std::numeric_limits<int>::max())); },
        "how long a payload is kept after it was made")
        ->required();
    add_flag(rule.app, "--when-descendants-completed", rule.options.when_descendants_completed,
             "and until everything that was made from it, over any number of links, is completed or archived");
    add_text(rule.app, "--reason", "R", rule.options.reason, "why");

    auto lifted = add_verb<RetentionFlags>(
        group, session, {"remove", "a type has no policy any more", "custody retention remove log --reason 'SOP 13'"}, remove);
    add_type(lifted.app, "TYPE", lifted.options.type, "the type")->required();
    add_text(lifted.app, "--reason", "R", lifted.options.reason, "why");

    add_verb<ListFlags>(group, session, {"list", "every policy", "custody retention list --json"}, list);
}

}  // namespace custody::cli
