#include <fmt/format.h>

#include "audit_table.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "trail.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

struct QueryFlags {
    AuditQuery query{};
};

/// The filters that query, errors and export share.
void add_filters(CLI::App& verb, AuditQuery& query) {
    add_filled_text(verb, "--operation", "NAME", query.operation, "such as artifact_creation");
    add_filled_text(verb, "--action", "NAME", query.action, "such as create");
    add_artifact_id(verb, "--artifact", query.artifact_id, "about this artifact");
    add_filled_text(verb, "--user", "NAME", query.user, "by this actor");
    add_filled_text(verb, "--module", "NAME", query.module, "of this module");
    add_parsed(
        verb, "--outcome", "OUTCOME", query.outcome, [](const std::string& text) { return parse_outcome(text); },
        "done, not_found, refused or failed");
    add_parsed(verb, "--success", "BOOL", query.success, one_of<bool>({{"true", true}, {"false", false}}), "true or false");
    add_run_id(verb, "--run", query.run_id, "within this run");
    add_time(verb, "--since", query.start_time, "at or after, such as 2026-10 or 2026-10-01T08:00Z");
    add_time(verb, "--until", query.end_time, "before");
}

/// A second look: one command has one entry, which says what was shown.
bool is_more_before(const Session& session, AuditQuery query, const AuditEntry& oldest) {
    query.end_time = Timestamp::parse(oldest.entry.at("timestamp").get<std::string>());
    query.limit = 1;
    return !session.open_unrecorded().audit().query_audit_trail(query).empty();
}

int query(const Session& session, const QueryFlags& flags) {
    auto manager = session.open();
    const auto entries = manager.audit().query_audit_trail(flags.query);
    if (session.json_output) {
        put_entries(entries);
    } else {
        print_entries(entries);
    }
    if (!entries.empty() && entries.size() == flags.query.limit && is_more_before(session, flags.query, entries.front())) {
        session.say(fmt::format("the newest {} entries are shown; more with --limit N (0: all)", entries.size()));
    }
    return exit_done;
}

void print_summary(const ErrorSummary& summary) {
    Fields fields;
    fields.add("errors", std::to_string(summary.total_errors));
    if (summary.first) fields.add("first", summary.first->str());
    if (summary.last) fields.add("last", summary.last->str());
    for (const auto& [operation, count] : summary.errors_by_operation) fields.add("in " + operation, std::to_string(count));
    for (const auto& [module, count] : summary.errors_by_module)
        fields.add("of module " + printable(module), std::to_string(count));
    for (const auto& message : summary.unique_error_messages) fields.add("message", message);
    fields.print();
}

int errors(const Session& session, const QueryFlags& flags) {
    auto manager = session.open();
    const auto summary = manager.audit().get_error_summary(flags.query);
    if (session.json_output) {
        put_json(to_json(summary));
    } else {
        print_summary(summary);
    }
    return exit_done;
}

struct ExportFlags {
    AuditQuery query{};
    std::string month{};  ///< YYYY-MM, or YYYY-MM..YYYY-MM
    bool all = false;
    std::optional<std::int64_t> to_seq{};
    std::string output{};
    std::optional<ExportFormat> format{};
};

bool filtered(const AuditQuery& query) {
    return !query.operation.empty() || !query.action.empty() || query.artifact_id || !query.user.empty() ||
           !query.module.empty() || query.outcome || query.success || query.run_id || query.start_time || query.end_time;
}

int export_months(const Session& session, const ExportFlags& flags) {
    if (filtered(flags.query)) throw UsageError("a month is exported whole: filters need --format and --out FILE");
    auto manager = session.open();
    ProgressBar bar(session, "exporting", ProgressBar::Unit::items, "only months that were complete have their files");
    const auto dots = flags.month.find("..");
    const auto files =
        manager.audit().export_months({.first_month = flags.month.substr(0, dots),
                                       .last_month = dots == std::string::npos ? flags.month : flags.month.substr(dots + 2),
                                       .folder = flags.output,
                                       .to_seq = flags.to_seq,
                                       .signing_key = session.signing_key,
                                       .progress = bar.callback()});
    return put_files(files, session.json_output) ? exit_done : exit_partial;
}

int export_entries(const Session& session, const ExportFlags& flags) {
    if (flags.output.empty()) throw UsageError("--format needs --out FILE");
    if (!flags.month.empty() || flags.all || flags.to_seq) {
        throw UsageError("--format goes with --since and --until, not with --month, --all or --to");
    }
    auto manager = session.open();
    ProgressBar bar(session, "exporting", ProgressBar::Unit::items, "no file was made");
    const auto file = manager.audit().export_audit_trail(flags.output, *flags.format, flags.query, bar.callback());
    return put_file("the file", file, session.json_output) ? exit_done : exit_partial;
}

int export_trail(const Session& session, const ExportFlags& flags) {
    return flags.format ? export_entries(session, flags) : export_months(session, flags);
}

void add_export(CLI::App& group, Session& session) {
    auto [verb, flags] =
        add_verb<ExportFlags>(group, session,
                              {"export", "write the trail's months as files, or chosen entries as one file",
                               "custody audit export --all\n"
                               "custody audit export --month 2026-10 --out /mnt/archive --signing-key ~/custody.key\n"
                               "custody audit export --format csv --out october.csv --since 2026-10 --until 2026-11"},
                              export_trail);
    auto* month = add_filled_text(verb, "--month", "YYYY-MM", flags.month, "this month, or a range of months: 2026-08..2026-10");
    add_flag(verb, "--all", flags.all, "every month so far (unless told otherwise)")->excludes(month);
    add_parsed(
        verb, "--to", "SEQ", flags.to_seq,
        [](const std::string& text) { return parse_integer(text, 0, std::numeric_limits<std::int64_t>::max()); },
        "up to this entry");
    add_filled_text(verb, "--out", "PATH", flags.output,
                    "the folder of the months (else the store's audit/), or the file of --format");
    add_parsed(verb, "--format", "F", flags.format,
               one_of<ExportFormat>({{"json", ExportFormat::json}, {"csv", ExportFormat::csv}, {"jsonl", ExportFormat::jsonl}}),
               "chosen entries as one file: json, csv or jsonl");
    add_filters(verb, flags.query);
}

}  // namespace

void add_audit_verbs(CLI::App& app, Session& session) {
    auto& group = add_group(app, {"audit", "the audit trail: queries, exports, seals and proofs",
                                  "custody audit query --since 2026-10\ncustody audit export --all\ncustody audit verify"});

    auto queried = add_verb<QueryFlags>(group, session,
                                        {"query", "entries of the trail, the newest ones, oldest first",
                                         "custody audit query --artifact $ID --action get_file\n"
                                         "custody audit query --user researcher_1 --since 2026-10 --until 2026-11 --limit 0"},
                                        query);
    queried.options.query.limit = 100;
    add_filters(queried.app, queried.options.query);
    add_count(queried.app, "--limit", queried.options.query.limit, "the newest so many; 100 unless given, 0: all");

    auto summed =
        add_verb<QueryFlags>(group, session,
                             {"errors", "what failed or was refused, summed up",
                              "custody audit errors --since 2026-10\ncustody audit errors --module video_deid.blur --json"},
                             errors);
    add_filters(summed.app, summed.options.query);
    add_count(summed.app, "--limit", summed.options.query.limit, "the newest so many; 0 (unless given): all");

    add_export(group, session);
    add_trail_verbs(group, session);
}

}  // namespace custody::cli
