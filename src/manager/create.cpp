// New artifacts. The order is the order of rules: checked, staged, published, and only then, under the write lock, recorded.

#include <unistd.h>

#include <algorithm>
#include <custody/artifact_manager.hpp>

#include "base/text.hpp"
#include "catalog/artifacts.hpp"
#include "catalog/lineage.hpp"
#include "catalog/payloads.hpp"
#include "manager/making.hpp"

namespace custody {

namespace {

std::vector<catalog::ArtifactKey> source_keys(sqlite::Connection& connection, const NewArtifact& wanted) {
    std::vector<catalog::ArtifactKey> keys;
    for (const auto& source : wanted.source_artifacts) {
        const auto key = catalog::find_key(connection, source);
        if (!key) throw NotFound("there is no artifact " + source.str() + " to link to");
        if (std::find(keys.begin(), keys.end(), *key) == keys.end()) keys.push_back(*key);
    }
    return keys;
}

}  // namespace

Relations check_against_catalog(const ManagerImpl& manager, sqlite::Connection& connection, catalog::Sensitivities& types,
                                Making& making) {
    const auto& wanted = making.wanted;
    const auto sensitivity = types.of(wanted.type);
    if (!sensitivity) {
        throw InvalidArgument("the artifact type " + wanted.type.str() +
                              " is not registered in this store: register it first "
                              "(custody type add " +
                              wanted.type.str() + " --sensitivity S)");
    }
    Relations relations{manager.join_run(connection, wanted.run, making.entry), source_keys(connection, wanted)};
    if (!making.staged || *sensitivity != Sensitivity::deidentified) return relations;
    const auto& staged = *making.staged;
    if (const auto identified = catalog::find_identified(connection, staged.digest(), staged.size_bytes(), relations.sources)) {
        making.entry.details["identified_artifact_id"] = identified->str();
        making.entry.details["rule"] = "identified_release";
        if (!wanted.allow_identified_release) {
            throw Refused("the payload of this " + wanted.type.str() + " is byte for byte that of the identified artifact " +
                              identified->str() + ": it was not de-identified. Nothing was released",
                          "identified_release");
        }
        making.entry.details["release_override"] = true;
    }
    return relations;
}

// After a failure, under the write lock: what was brought in for nothing goes again, unless somebody else refers to it by now.
void take_out(ManagerImpl& manager, sqlite::Connection& connection, std::span<Making> all) {
    for (auto& making : all) {
        if (!making.staged) continue;
        const bool unreferenced = !catalog::is_referenced(connection, making.staged->digest());
        // Where a source can't have its place back (something else has it by now) it stays, marked.
        const bool is_back = manager.blobs().undo_move(*making.staged, unreferenced);
        // No grace period in trash/: no row ever named it, so nobody can be reading it. Whoever brings in the
        // same content at this moment finds it gone under the lock, and links it again.
        if (is_back && making.staged->added() && unreferenced) ::unlink(manager.blobs().path_of(making.staged->digest()).c_str());
    }
}

namespace {

void undo_moves(ManagerImpl& manager, std::span<Making> all) {
    for (auto& making : all) {
        if (making.staged) manager.blobs().undo_move(*making.staged);
    }
}

// The same where the trail can't be written; where the lock can't be had either, moved sources go back at least.
void take_out_unrecorded(ManagerImpl& manager, std::span<Making> all) {
    if (std::none_of(all.begin(), all.end(), [](const Making& making) { return making.staged.has_value(); })) return;
    try {
        manager.database().write([&](sqlite::Connection& connection) { take_out(manager, connection, all); },
                                 sqlite::Grouping::alone, sqlite::Waiting::to_the_deadline);
    } catch (const Error&) {
        undo_moves(manager, all);
    }
}

}  // namespace

// Records the failure and takes out what was brought in.
void fail_together(ManagerImpl& manager, audit::Draft&& draft, const Error& error, std::vector<Making>& all) {
    bool taken_out = false;
    const auto clean_up = [&](sqlite::Connection& connection) {
        take_out(manager, connection, all);
        taken_out = true;
    };
    try {
        manager.record_failure(draft, error, clean_up);
    } catch (...) {
        if (!taken_out) {
            // A lock that could not be had in time would only be waited for once more.
            const bool is_busy = dynamic_cast<const Busy*>(&error) != nullptr;
            is_busy ? undo_moves(manager, all) : take_out_unrecorded(manager, all);
        }
        throw;
    }
}

namespace {

// To open and close them in this process drops the locks that SQLite has on them.
void refuse_catalog(const ManagerImpl& manager, const std::filesystem::path& source) {
    if (!source.filename().native().starts_with("catalog.db")) return;
    std::error_code ignored;
    if (!std::filesystem::equivalent(source.has_parent_path() ? source.parent_path() : ".", manager.layout().storage(),
                                     ignored)) {
        return;
    }
    throw InvalidArgument("the source " + source.string() + " is the store's own catalog; `custody snapshot` makes a copy of it");
}

void check_options(const ManagerImpl& manager, Making& making) {
    const auto& wanted = making.wanted;
    const int sources = (wanted.source_path.empty() ? 0 : 1) + (wanted.content ? 1 : 0) + (wanted.source_fd >= 0 ? 1 : 0);
    if (sources > 1) throw InvalidArgument("an artifact has one payload: give source_path, content or source_fd, not several");
    if (wanted.status == ArtifactStatus::failed || wanted.status == ArtifactStatus::archived) {
        throw InvalidArgument("a new artifact is pending, in_progress or completed, not " +
                              std::string(to_string(wanted.status)));
    }
    manager::require_text(wanted.processing_module, "processing_module", 255);
    manager::require_text(wanted.processing_version, "processing_version", 255);
    manager::require_text(wanted.request_key, "request_key", 255);
    manager::require_text(wanted.file_name, "file_name", 4096);
    if (!base::is_identifier(wanted.relationship)) {
        throw InvalidArgument("a relationship is a name like derived_from ([a-z][a-z0-9_]*, at most 63 characters)");
    }
    if (wanted.transfer == Transfer::move && wanted.source_path.empty()) {
        throw InvalidArgument("only a source_path can be moved into the store");
    }
    refuse_catalog(manager, wanted.source_path);
    making.metadata =
        manager.checked_object(wanted.metadata, wanted.metadata_text, "metadata", wanted.allow_phi_metadata, making.entry);
    making.file_name = wanted.file_name.empty() ? base::to_clean_utf8(wanted.source_path.filename().string()) : wanted.file_name;
    if (has_payload(wanted) && making.file_name.empty()) making.file_name = wanted.type.str();
}

// The first artifact of a request that comes again: answered if it is the same, refused if it is not.
std::optional<Artifact> repeated(sqlite::Connection& connection, Making& making) {
    const auto& wanted = making.wanted;
    if (wanted.request_key.empty()) return std::nullopt;
    const auto key = catalog::find_request(connection, wanted.request_key);
    if (!key) return std::nullopt;
    auto first = catalog::load_artifact(connection, *key);
    const auto digest = making.staged ? std::optional(making.staged->digest()) : std::nullopt;
    if (first.checksum != digest || first.type != wanted.type || first.metadata_text != making.metadata) {
        throw Conflict("the request key was used for artifact " + first.id.str() + ", which has other content, type or metadata");
    }
    making.is_taken = !first.removed_at;
    making.entry.artifact_id = first.id.str();
    making.entry.row_salts.clear();
    making.entry.details["request_key"] = wanted.request_key;
    making.entry.details["repeated"] = true;
    return first;
}

json link_details(const NewArtifact& wanted) {
    json sources = json::array();
    for (const auto& source : wanted.source_artifacts) sources.push_back(source.str());
    return sources;
}

// The facts of the new row, so that the trail alone can say what it became.
void describe(Making& making, const catalog::ArtifactRow& row) {
    auto& entry = making.entry;
    entry.artifact_id = row.id.str();
    entry.timestamp = row.created_at;
    entry.row_salts["metadata"] = row.metadata_salt;
    auto& details = entry.details;
    details["artifact_type"] = row.type.name();
    details["status"] = to_string(row.status);
    details["processing_version"] = row.processing_version.empty() ? json(nullptr) : json(row.processing_version);
    details["metadata"] = row.metadata;
    details["source_artifacts"] = link_details(making.wanted);
    if (!making.wanted.source_artifacts.empty()) details["relationship"] = making.wanted.relationship;
    if (!row.request_key.empty()) details["request_key"] = row.request_key;
    if (row.checksum) {
        entry.row_salts["file_name"] = row.file_name_salt;
        details["file_name"] = row.file_name;
        details["file_size"] = *row.file_size;
        details["checksum"] = row.checksum->hex();
    }
}

// As they are in the catalog now.
void add_relations(Artifact& artifact, const Making& making, const Relations& relations) {
    for (const auto& source : making.wanted.source_artifacts) {
        auto& known = artifact.source_artifacts;
        if (std::find(known.begin(), known.end(), source) != known.end()) continue;
        known.push_back(source);
        artifact.links.emplace_back(making.wanted.relationship, source);
    }
    if (relations.run) artifact.run = RunId::parse(making.entry.run_id.value());
}

// Everything under the write lock: one artifact, its links, its run, its entry.
void insert(ManagerImpl& manager, sqlite::Connection& connection, ManagerImpl::Recorder& recorder, catalog::Sensitivities& types,
            Making& making) {
    const auto& wanted = making.wanted;
    if ((making.result = repeated(connection, making))) {
        recorder.append(making.entry);
        return;
    }
    const auto relations = check_against_catalog(manager, connection, types, making);
    const auto now = Timestamp::now();
    catalog::ArtifactRow row{.id = ArtifactId::random(),
                             .type = wanted.type,
                             .status = wanted.status,
                             .created_at = now,
                             .processing_module = wanted.processing_module,
                             .processing_version = wanted.processing_version,
                             .file_name = making.file_name,
                             .file_name_salt = base::random_salt(),
                             .file_size = {},
                             .checksum = {},
                             .metadata = making.metadata,
                             .metadata_salt = base::random_salt(),
                             .request_key = wanted.request_key};
    if (making.staged) {
        record_payload(manager, connection, making, now);
        row.file_size = making.staged->size_bytes();
        row.checksum = making.staged->digest();
    }
    const auto key = catalog::insert_artifact(connection, row);
    const auto& run = relations.run;
    if (run) catalog::add_output(connection, *run, key);
    for (const auto source : relations.sources) {
        catalog::insert_edge(connection, key, source, wanted.relationship, now);
        if (run) catalog::add_input(connection, *run, source);
    }
    describe(making, row);
    recorder.append(making.entry);
    making.result = catalog::artifact_of(row);
    add_relations(*making.result, making, relations);
}

audit::Draft draft_of(const ManagerImpl& manager, const NewArtifact& wanted) {
    auto draft = manager.draft("artifact_creation", "create");
    if (!wanted.processing_module.empty() && base::is_clean_utf8(wanted.processing_module) &&
        wanted.processing_module.size() <= 255) {
        draft.module = wanted.processing_module;
    }
    return draft;
}

// A create that failed names no artifact: there is none. It says what was to be made.
audit::Draft failure_draft(const ManagerImpl& manager, const Making& making) {
    auto draft = making.entry;
    draft.operation = "artifact_storage";
    draft.action = "store";
    draft.artifact_id.reset();
    draft.row_salts.clear();
    for (const char* key : {"metadata", "file_name", "status", "checksum", "file_size"}) draft.details.erase(key);
    draft.details["artifact_type"] = making.wanted.type.name();
    if (!making.wanted.source_path.empty()) {
        draft.details["source_path"] = manager.clean_message(making.wanted.source_path.string());
    }
    return draft;
}

// After the commit. What came again for an artifact whose payload was removed is not in the store: the source stays where it was.
void settle(ManagerImpl& manager, Making& making) {
    if (making.is_taken) {
        manager.blobs().finish_move(*making.staged);
    } else {
        take_out_unrecorded(manager, {&making, 1});
    }
}

std::vector<Artifact> create(ManagerImpl& manager, std::span<const NewArtifact> artifacts, const Progress& progress) {
    std::vector<Making> all;
    all.reserve(artifacts.size());
    std::vector<Artifact> results;
    results.reserve(artifacts.size());  // now: after the commit nothing may fail
    for (const auto& artifact : artifacts) all.emplace_back(artifact, draft_of(manager, artifact));
    for (auto& making : all) {
        std::error_code ignored;
        const auto& wanted = making.wanted;
        const auto size = wanted.content               ? wanted.content->size()
                          : wanted.source_path.empty() ? 0
                                                       : std::filesystem::file_size(wanted.source_path, ignored);
        making.expected_bytes = ignored ? 0 : size;
    }
    const Making* at = nullptr;
    const auto record = [&](const Error& error) {
        fail_together(manager, at != nullptr ? failure_draft(manager, *at) : manager.draft("artifact_storage", "store"), error,
                      all);
    };
    try {
        for (auto& making : all) {
            at = &making;
            check_options(manager, making);
        }
        bring_in(manager, all, at, progress);
        const auto insert_all = [&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
            catalog::Sensitivities types(connection);
            for (auto& making : all) {
                at = &making;
                insert(manager, connection, recorder, types, making);
            }
        };
        manager.transact(insert_all, sqlite::Grouping::joins);
    } catch (const InvalidState&) {
        throw;
    } catch (const Error& error) {
        record(error);
        throw;
    } catch (const std::exception& error) {
        ManagerImpl::fail_foreign(error, record);
    }
    for (auto& making : all) {
        if (making.staged) settle(manager, making);
        results.push_back(std::move(*making.result));
    }
    return results;
}

}  // namespace

Artifact ArtifactManager::create_artifact(const NewArtifact& artifact) {
    return std::move(create(*impl_, std::span(&artifact, 1), {}).front());
}

std::vector<Artifact> ArtifactManager::create_artifacts(std::span<const NewArtifact> artifacts, const Progress& progress) {
    return create(*impl_, artifacts, progress);
}

}  // namespace custody
