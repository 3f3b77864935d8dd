#include <fmt/format.h>

#include "output.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

constexpr std::chrono::seconds default_time_to_live = std::chrono::hours(24);

struct StartFlags {
    std::string configuration = "{}";
    std::chrono::milliseconds time_to_live = default_time_to_live;
    bool allow_phi_metadata = false;
};

int start(const Session& session, const StartFlags& flags) {
    const auto time_to_live = std::chrono::ceil<std::chrono::seconds>(flags.time_to_live);
    if (flags.configuration.empty()) throw UsageError("--config: the text is empty; give a JSON object, such as {}");
    if (time_to_live.count() == 0) throw UsageError("--ttl: a run that a command starts needs more than 0 seconds");
    auto manager = session.open();
    auto run = manager.start_processing_run_text(flags.configuration,
                                                 {.time_to_live = time_to_live, .allow_phi_metadata = flags.allow_phi_metadata});
    run.detach();  // it goes on after this process; `run end` or its time to live ends it
    const auto written = put_result("run " + run.id().str() + " has started", [&] {
        if (session.json_output) {
            put_json({{"run_id", run.id().str()}, {"status", to_string(ArtifactStatus::in_progress)}});
        } else {
            put_line(run.id().str());
        }
    });
    return written ? exit_done : exit_partial;
}

struct EndFlags {
    std::optional<RunId> run{};
    std::optional<ArtifactStatus> status = ArtifactStatus::completed;
    std::string error{};
};

int end(const Session& session, const EndFlags& flags) {
    auto manager = session.open();
    manager.end_processing_run(*flags.run, *flags.status, flags.error);
    return session.tell_done(fmt::format("run {} ended: {}", flags.run->str(), to_string(*flags.status)), [&] {
        return ordered_json{{"run_id", flags.run->str()}, {"status", to_string(*flags.status)}};
    });
}

struct ListFlags {
    std::optional<ArtifactStatus> status{};
    std::optional<Timestamp> since{};
    std::optional<Timestamp> until{};
    std::size_t limit = 100;
};

int list(const Session& session, const ListFlags& flags) {
    auto manager = session.open();
    RunQuery query{.status = flags.status, .since = flags.since, .until = flags.until, .limit = flags.limit};
    const auto runs = manager.list_runs(query);
    if (session.json_output) {
        JsonArray array;
        for (const auto& run : runs) array.add(to_json(run));
        array.end();
    } else {
        Table table({{"RUN"},
                     {"STATUS"},
                     {"STARTED (UTC)"},
                     {"ENDED (UTC)"},
                     {"WHY"},
                     {"IN", Table::Align::right},
                     {"OUT", Table::Align::right},
                     {"USER"}});
        for (const auto& run : runs) {
            table.add({run.id.str(), std::string(to_string(run.status)), time_text(run.started_at),
                       run.ended_at ? time_text(*run.ended_at) : "", run.end_reason, std::to_string(run.inputs.size()),
                       std::to_string(run.outputs.size()), run.user});
        }
        table.print();
    }
    if (flags.limit == 0 || runs.size() < flags.limit) return exit_done;
    ++query.limit;  // a second look: one command has one entry, which says what was shown
    if (session.open_unrecorded().list_runs(query).size() > flags.limit) {
        session.say(fmt::format("the newest {} runs are shown; older ones: --limit N (0: all) or --until {}", flags.limit,
                                runs.back().started_at.str()));
    }
    return exit_done;
}

struct ShowFlags {
    std::optional<RunId> run{};
};

void print_run(const RunRecord& run) {
    Fields fields;
    fields.add("run_id", run.id.str());
    fields.add("status", to_string(run.status));
    fields.add("started", run.started_at.str());
    fields.add("ended", run.ended_at ? run.ended_at->str() + " (" + run.end_reason + ")" : "");
    fields.add("user", run.user);
    if (run.on_behalf_of) fields.add("on_behalf_of", *run.on_behalf_of);
    if (run.purpose) fields.add("purpose", *run.purpose);
    fields.add("configuration", run.configuration_text);
    if (run.error_message) fields.add("error_message", *run.error_message);
    for (const auto& id : run.inputs) fields.add("input", id.str());
    for (const auto& id : run.outputs) fields.add("output", id.str());
    for (const auto& error : run.errors) fields.add("error", error);
    fields.print();
}

int show(const Session& session, const ShowFlags& flags) {
    auto manager = session.open();
    const auto run = manager.get_run(*flags.run);
    if (!run) throw NotFound(fmt::format("there is no run {} in this store; see custody run list", flags.run->str()));
    if (session.json_output) {
        put_json(to_json(*run));
    } else {
        print_run(*run);
    }
    return exit_done;
}

void add_starting(CLI::App& group, Session& session) {
    auto started = add_verb<StartFlags>(group, session,
                                        {"start", "start a run that several commands share, and print its id",
                                         "RUN=$(custody run start --config '{\"pipeline\": \"video_deid\"}')\n"
                                         "custody run start --ttl 3600"},
                                        start);
    add_text(started.app, "--config", "JSON", started.options.configuration, "the run's configuration, a JSON object");
    add_parsed(started.app, "--ttl", "S", started.options.time_to_live, parse_seconds,
               "seconds after which a run that nobody ended is taken for lost; 86400 (a day) unless given");
    add_flag(started.app, "--allow-phi-metadata", started.options.allow_phi_metadata,
             "accept a configuration that looks like protected health information; audited");

    auto ended = add_verb<EndFlags>(
        group, session,
        {"end", "end a run", "custody run end $RUN\ncustody run end $RUN --status failed --error 'no audio track'"}, end);
    add_run_id(ended.app, "RUN", ended.options.run, "the run")->required();
    add_status(ended.app, "--status", ended.options.status, "completed (unless given) or failed");
    add_text(ended.app, "--error", "TEXT", ended.options.error, "what went wrong");
}

}  // namespace

void add_run_verbs(CLI::App& app, Session& session) {
    auto& group =
        add_group(app, {"run", "processing runs: start, end, list, show", "RUN=$(custody run start)\ncustody run end $RUN"});
    add_starting(group, session);

    auto listed = add_verb<ListFlags>(
        group, session, {"list", "runs, newest first", "custody run list --status failed\ncustody run list --json"}, list);
    add_status(listed.app, "--status", listed.options.status, "in_progress, completed or failed");
    add_time(listed.app, "--since", listed.options.since, "started at or after, such as 2026-10 or 2026-10-01T08:00Z");
    add_time(listed.app, "--until", listed.options.until, "started before");
    add_count(listed.app, "--limit", listed.options.limit, "at most so many; 100 unless given, 0: all");

    auto shown = add_verb<ShowFlags>(
        group, session, {"show", "one run with its inputs, outputs and errors", "custody run show $RUN --json"}, show);
    add_run_id(shown.app, "RUN", shown.options.run, "the run")->required();
}

}  // namespace custody::cli
