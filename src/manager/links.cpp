// Links between artifacts, and the graph that they make.

#include <algorithm>
#include <custody/artifact_manager.hpp>

#include "base/text.hpp"
#include "catalog/lineage.hpp"
#include "catalog/runs.hpp"
#include "manager/manager_impl.hpp"

namespace custody {

namespace {

constexpr std::size_t longest_named_cycle = 20;

std::string name_cycle(sqlite::Connection& connection, const std::vector<catalog::ArtifactKey>& way_down) {
    std::string cycle;
    for (std::size_t i = 0; i < way_down.size(); ++i) {
        if (i == longest_named_cycle && way_down.size() > longest_named_cycle + 1) {
            cycle += "… (" + std::to_string(way_down.size() - i - 1) + " more) → ";
            i = way_down.size() - 1;
        }
        cycle += catalog::id_of(connection, way_down[i]).str() + " → ";
    }
    return cycle + catalog::id_of(connection, way_down.front()).str();
}

catalog::ArtifactKey key_or_throw(sqlite::Connection& connection, const ArtifactId& id) {
    const auto key = catalog::find_key(connection, id);
    if (!key) throw NotFound("there is no artifact " + id.str() + " to link");
    return *key;
}

// What a run that has ended was made from stays as it was.
std::optional<catalog::RunKey> unended_run(sqlite::Connection& connection, const RunId& id) {
    const auto key = catalog::find_run_key(connection, id);
    return key && catalog::run_status(connection, *key) == ArtifactStatus::in_progress ? key : std::nullopt;
}

void refuse_cycle(sqlite::Connection& connection, catalog::ArtifactKey output, catalog::ArtifactKey source) {
    if (output == source) throw Conflict("artifact " + catalog::id_of(connection, output).str() + " can't be its own source");
    const auto way_down = catalog::path_down(connection, output, source);
    if (!way_down.empty()) {
        throw Conflict("this link would close a cycle: " + name_cycle(connection, way_down));
    }
}

void refuse_leak(sqlite::Connection& connection, catalog::ArtifactKey output, const std::vector<catalog::ArtifactKey>& sources,
                 bool allowed, audit::Draft& draft) {
    const auto leak = catalog::find_leak(connection, {output}, sources);
    if (!leak) return;
    draft.details["rule"] = "identified_release";
    draft.details["identified_artifact_id"] = leak->identified.str();
    if (allowed) {
        draft.details["release_override"] = true;
        return;
    }
    throw Refused("this link would make the de-identified artifact " + leak->released.str() + " descend from the identified " +
                      leak->identified.str() + ", and both have the same payload: it was not de-identified",
                  "identified_release");
}

}  // namespace

std::size_t ArtifactManager::link_artifacts(const NewLink& link) {
    auto draft = impl_->draft("artifact_link", "create_relationship");
    draft.artifact_id = link.output_artifact_id.str();
    draft.details["source_artifacts"] = json::array();
    for (const auto& source : link.source_artifact_ids) draft.details["source_artifacts"].push_back(source.str());
    std::size_t added = 0;
    impl_->change(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder&) {
        if (!base::is_identifier(link.relationship)) {
            throw InvalidArgument("a relationship is a name like derived_from ([a-z][a-z0-9_]*, at most 63 characters)");
        }
        draft.details["relationship"] = link.relationship;
        if (link.source_artifact_ids.empty()) throw InvalidArgument("a link needs at least one source");
        const auto output = key_or_throw(connection, link.output_artifact_id);
        std::vector<catalog::ArtifactKey> sources;
        for (const auto& source : link.source_artifact_ids) sources.push_back(key_or_throw(connection, source));
        for (const auto source : sources) refuse_cycle(connection, output, source);
        // A link that is there already releases nothing anew.
        auto added_sources = sources;
        std::erase_if(added_sources, [&](catalog::ArtifactKey source) {
            return catalog::has_edge(connection, output, source, link.relationship);
        });
        refuse_leak(connection, output, added_sources, link.allow_identified_release, draft);
        std::optional<RunId> joined = impl_->innermost_run();
        const auto artifact = catalog::load_artifact(connection, output);
        if (!joined) joined = artifact.run;
        if (joined) draft.run_id = joined->str();
        if (!artifact.processing_module.empty()) draft.module = artifact.processing_module;
        const auto run = joined ? unended_run(connection, *joined) : std::nullopt;
        const auto now = Timestamp::now();
        draft.timestamp = now;
        added = 0;
        auto& added_artifacts = draft.details["added_artifacts"] = json::array();
        for (std::size_t i = 0; i < sources.size(); ++i) {
            if (catalog::insert_edge(connection, output, sources[i], link.relationship, now)) {
                added_artifacts.push_back(link.source_artifact_ids[i].str());
                ++added;
            }
            if (run) catalog::add_input(connection, *run, sources[i]);
        }
        draft.details["added_count"] = added;
    });
    return added;
}

std::optional<Lineage> ArtifactManager::get_artifact_lineage(const ArtifactId& id, const LineageOptions& options) {
    auto draft = impl_->draft("artifact_access", "lineage");
    draft.artifact_id = id.str();
    draft.details["direction"] = options.direction == LineageDirection::up     ? "up"
                                 : options.direction == LineageDirection::down ? "down"
                                                                               : "both";
    std::optional<Lineage> lineage;
    impl_->look(draft, [&](sqlite::Connection& connection) {
        const auto key = catalog::find_key(connection, id);
        if (!key) {
            draft.outcome = Outcome::not_found;
            return;
        }
        lineage = catalog::walk(connection, *key, options);
        draft.details["node_count"] = lineage->nodes.size();
        draft.details["truncated"] = lineage->truncated;
    });
    return lineage;
}

}  // namespace custody
