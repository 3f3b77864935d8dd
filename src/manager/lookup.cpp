// Reads of the catalog that hand out no payload.

#include <algorithm>
#include <custody/artifact_manager.hpp>

#include "base/text.hpp"
#include "catalog/artifacts.hpp"
#include "catalog/store.hpp"
#include "catalog/types.hpp"
#include "manager/manager_impl.hpp"

namespace custody {

static constexpr std::size_t longest_module_bytes = 255;

std::optional<Artifact> ArtifactManager::get_artifact(const ArtifactId& id) {
    auto draft = impl_->draft("artifact_access", "get_metadata");
    draft.artifact_id = id.str();
    std::optional<Artifact> found;
    impl_->look(draft, [&](sqlite::Connection& connection) {
        found = catalog::find_artifact(connection, id);
        draft.outcome = found ? Outcome::done : Outcome::not_found;
    });
    return found;
}

static json filter_details(const ArtifactQuery& query) {
    json details = json::object();
    if (query.type) details["artifact_type"] = query.type->name();
    if (query.status) details["status"] = to_string(*query.status);
    if (query.run) details["run_id"] = query.run->str();
    if (query.since) details["since"] = query.since->str();
    if (query.until) details["until"] = query.until->str();
    if (query.after) details["after"] = query.after->str();
    // (Lines have numbers that every reader of JSON has, and a limit beyond them is none.)
    if (query.limit != 0) details["limit"] = std::min(query.limit, (std::size_t{1} << 53U) - 1);
    // What is not text that may be stored is refused below; the entry of the refusal must still be one that can be written.
    if (!query.processing_module.empty() && query.processing_module.size() <= longest_module_bytes) {
        details["module"] = base::to_clean_utf8(query.processing_module);
    }
    return details;
}

std::vector<Artifact> ArtifactManager::list_artifacts(const ArtifactQuery& query) {
    auto draft = impl_->draft("artifact_access", "list");
    if (const auto run = impl_->innermost_run()) draft.run_id = run->str();
    auto& details = draft.details = filter_details(query);
    std::vector<Artifact> artifacts;
    impl_->look(draft, [&](sqlite::Connection& connection) {
        manager::require_text(query.processing_module, "processing_module", longest_module_bytes);
        if (query.type && !catalog::find_sensitivity(connection, *query.type)) {
            throw InvalidArgument("the artifact type " + query.type->str() + " is not registered in this store");
        }
        artifacts = catalog::list_artifacts(connection, query);
        details["result_count"] = artifacts.size();
    });
    return artifacts;
}

Statistics ArtifactManager::get_statistics() {
    auto draft = impl_->draft("artifact_access", "statistics");
    Statistics statistics;
    impl_->look(draft, [&](sqlite::Connection& connection) {
        statistics = catalog::load_statistics(connection, impl_->options().enable_audit);
    });
    return statistics;
}

std::vector<ArtifactTypeInfo> ArtifactManager::artifact_types() {
    auto draft = impl_->draft("artifact_type", "list");
    std::vector<ArtifactTypeInfo> types;
    impl_->look(draft, [&](sqlite::Connection& connection) { types = catalog::list_types(connection); });
    return types;
}

void ArtifactManager::register_artifact_type(const ArtifactType& type, Sensitivity sensitivity) {
    auto draft = impl_->draft("artifact_type", "register");
    draft.details = {{"artifact_type", type.name()}, {"sensitivity", to_string(sensitivity)}};
    impl_->change(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder&) {
        const auto known = catalog::find_sensitivity(connection, type);
        draft.details["added"] = !known.has_value();
        if (known && *known != sensitivity) {
            throw Conflict("the artifact type " + type.str() + " is registered as " + std::string(to_string(*known)) +
                           "; what is in the store relies on that");
        }
        if (!known) catalog::insert_type(connection, type, sensitivity);
    });
}

}  // namespace custody
