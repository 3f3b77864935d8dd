#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "audit_table.hpp"
#include "output.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

struct ShowFlags {
    std::optional<ArtifactId> id{};
};

void print_artifact(const Artifact& artifact) {
    Fields fields;
    fields.add("artifact_id", artifact.id.str());
    fields.add("artifact_type", artifact.type.str());
    fields.add("status", to_string(artifact.status));
    fields.add("created_at", artifact.created_at.str());
    fields.add("updated_at", artifact.updated_at.str());
    for (const auto& [relationship, source] : artifact.links) fields.add("source", source.str() + " (" + relationship + ")");
    fields.add("processing_module", artifact.processing_module);
    fields.add("processing_version", artifact.processing_version);
    fields.add("file_name", artifact.file_name);
    fields.add("file_path", artifact.file_path);
    if (artifact.file_size) fields.add("file_size", fmt::format("{} ({})", *artifact.file_size, size_text(*artifact.file_size)));
    if (artifact.checksum) fields.add("checksum", artifact.checksum->hex());
    fields.add("metadata", artifact.metadata_text);
    if (artifact.error_message) fields.add("error_message", *artifact.error_message);
    if (artifact.run) fields.add("run_id", artifact.run->str());
    if (artifact.removed_at) fields.add("removed_at", artifact.removed_at->str());
    fields.print();
}

int show(const Session& session, const ShowFlags& flags) {
    auto manager = session.open();
    const auto artifact = manager.get_artifact(*flags.id);
    if (!artifact) throw NotFound(unknown_artifact(*flags.id));
    if (session.json_output) {
        put_json(to_json(*artifact, manager.storage_path()));
    } else {
        print_artifact(*artifact);
    }
    return exit_done;
}

struct ListFlags {
    ArtifactQuery query{.limit = 100};
};

// So many are held at a time, however long the list; each page is a read of its own, which keeps no writer's log waiting.
constexpr std::size_t page_size = 10000;

/// Calls `use` with each page of what is asked for; answers how many artifacts there were, and the last one.
std::pair<std::size_t, std::optional<ArtifactId>> for_each_page(ArtifactManager& manager, ArtifactQuery query,
                                                                const std::function<void(const std::vector<Artifact>&)>& use) {
    const auto wanted = query.limit == 0 ? std::numeric_limits<std::size_t>::max() : query.limit;
    std::size_t count = 0;
    std::optional<ArtifactId> last;
    for (bool more = true; more && count < wanted;) {
        query.limit = std::min(page_size, wanted - count);
        const auto page = manager.list_artifacts(query);
        use(page);
        more = page.size() == query.limit;
        count += page.size();
        if (!page.empty()) query.after = last = page.back().id;
    }
    return {count, last};
}

void add_rows(Table& table, const std::vector<Artifact>& artifacts) {
    for (const auto& artifact : artifacts) {
        const std::string size = artifact.removed_at ? "removed" : artifact.file_size ? size_text(*artifact.file_size) : "-";
        table.add({artifact.id.str(), artifact.type.str(), std::string(to_string(artifact.status)),
                   time_text(artifact.created_at), size, artifact.file_name});
    }
}

/// A second look: one command has one entry, which says what was shown.
bool is_more_after(const Session& session, ArtifactQuery query, const ArtifactId& last) {
    query.after = last;
    query.limit = 1;
    return !session.open_unrecorded().list_artifacts(query).empty();
}

int list(const Session& session, const ListFlags& flags) {
    auto manager = session.open();
    std::pair<std::size_t, std::optional<ArtifactId>> shown;
    if (session.json_output) {
        JsonArray array;
        shown = for_each_page(manager, flags.query, [&](const std::vector<Artifact>& page) {
            for (const auto& artifact : page) array.add(to_json(artifact, manager.storage_path()));
        });
        array.end();
    } else {
        Table table({{"ARTIFACT"}, {"TYPE"}, {"STATUS"}, {"CREATED (UTC)"}, {"SIZE", Table::Align::right}, {"NAME"}});
        shown = for_each_page(manager, flags.query, [&](const std::vector<Artifact>& page) {
            add_rows(table, page);
            table.print();
        });
    }
    const auto& [count, last] = shown;
    if (flags.query.limit != 0 && count == flags.query.limit && is_more_after(session, flags.query, *last)) {
        session.say(fmt::format("{} shown; older ones follow with --after {}", count, last->str()));
    }
    return exit_done;
}

struct StatusFlags {
    std::optional<ArtifactId> id{};
    std::optional<ArtifactStatus> status{};
    std::string error{};
};

int change_status(const Session& session, const StatusFlags& flags) {
    auto manager = session.open();
    const auto artifact = manager.update_artifact_status(*flags.id, *flags.status, flags.error);
    return session.tell_done(fmt::format("artifact {} is {}", artifact.id.str(), to_string(artifact.status)),
                             [&] { return to_json(artifact, manager.storage_path()); });
}

struct HistoryFlags {
    std::optional<ArtifactId> id{};
    std::string prove{};
};

/// Lookups of an unknown id are in the trail too: entries alone don't tell that there is an artifact.
bool has_creation(const std::vector<AuditEntry>& entries) {
    return std::any_of(entries.begin(), entries.end(), [](const AuditEntry& entry) {
        return entry.entry.value("operation", "") == "artifact_creation" && entry.entry.value("outcome", "") == "done";
    });
}

int prove_history(const Session& session, const HistoryFlags& flags) {
    auto manager = session.open();
    const auto files = manager.audit().prove_history(*flags.id, flags.prove, session.signing_key);
    return put_files(files, session.json_output) ? exit_done : exit_partial;
}

int history(const Session& session, const HistoryFlags& flags) {
    if (!flags.prove.empty()) return prove_history(session, flags);
    auto manager = session.open();
    const auto entries = manager.audit().get_artifact_history(*flags.id);
    if (!has_creation(entries) && !session.open_unrecorded().get_artifact(*flags.id)) {
        throw NotFound(unknown_artifact(*flags.id));
    }
    if (session.json_output) {
        put_entries(entries);
    } else {
        print_history(entries);
    }
    return exit_done;
}

void add_listing(CLI::App& app, Session& session) {
    auto [verb, flags] = add_verb<ListFlags>(app, session,
                                             {"list", "artifacts, newest first",
                                              "custody list --type video_deid --status completed\n"
                                              "custody list --since 2026-10 --json --limit 0"},
                                             list);
    add_type(verb, "--type", flags.query.type, "only of this type");
    add_status(verb, "--status", flags.query.status, "only of this status");
    add_run_id(verb, "--run", flags.query.run, "only outputs of this run");
    add_filled_text(verb, "--module", "M", flags.query.processing_module, "only what this module made");
    add_time(verb, "--since", flags.query.since, "created at or after, such as 2026-10 or 2026-10-01T08:00Z");
    add_time(verb, "--until", flags.query.until, "created before");
    add_count(verb, "--limit", flags.query.limit, "at most so many; 100 unless given, 0: all");
    add_artifact_id(verb, "--after", flags.query.after, "the page that follows this artifact");
}

}  // namespace

std::string unknown_artifact(const ArtifactId& id) {
    return fmt::format("there is no artifact {} in this store; see custody list", id.str());
}

void add_artifact_verbs(CLI::App& app, Session& session) {
    auto shown = add_verb<ShowFlags>(app, session,
                                     {"show", "one artifact", "custody show $ID\ncustody show $ID --json | jq .metadata"}, show);
    add_artifact_id(shown.app, "ID", shown.options.id, "the artifact")->required();

    add_listing(app, session);

    auto changed =
        add_verb<StatusFlags>(app, session,
                              {"status", "change an artifact's status",
                               "custody status $ID in_progress\ncustody status $ID failed --error 'codec not supported'"},
                              change_status);
    add_artifact_id(changed.app, "ID", changed.options.id, "the artifact")->required();
    add_status(changed.app, "STATUS", changed.options.status, "pending, in_progress, completed, failed or archived")->required();
    add_text(changed.app, "--error", "TEXT", changed.options.error, "what went wrong, with failed");

    auto told = add_verb<HistoryFlags>(app, session,
                                       {"history", "all that was done with an artifact, oldest first",
                                        "custody history $ID\ncustody history $ID --prove evidence"},
                                       history);
    add_artifact_id(told.app, "ID", told.options.id, "the artifact")->required();
    add_filled_text(told.app, "--prove", "DIR", told.options.prove, "write the proof of each entry into this folder instead");
}

}  // namespace custody::cli
