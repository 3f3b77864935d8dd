// Changes of an artifact's status, by the table of transitions.

#include <custody/artifact_manager.hpp>

#include "catalog/artifacts.hpp"
#include "manager/manager_impl.hpp"

namespace custody {

namespace {

void check(const Artifact& before, ArtifactStatus status, const std::string& error_message) {
    if (!error_message.empty() && status != ArtifactStatus::failed) {
        throw InvalidArgument("an error message goes with status failed, not with " + std::string(to_string(status)));
    }
    if (!transition_allowed(before.status, status)) {
        throw Conflict("artifact " + before.id.str() + " is " + std::string(to_string(before.status)) + "; that can't become " +
                       std::string(to_string(status)));
    }
}

}  // namespace

Artifact ArtifactManager::update_artifact_status(const ArtifactId& id, ArtifactStatus status, const std::string& error_message) {
    auto draft = impl_->draft("artifact_update", "update_status");
    draft.artifact_id = id.str();
    draft.details["new_status"] = to_string(status);
    const auto message = impl_->clean_failure(error_message);
    std::optional<Artifact> after;
    impl_->change(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder&) {
        const auto key = catalog::find_key(connection, id);
        if (!key) throw NotFound("there is no artifact " + id.str());
        const auto before = catalog::load_artifact(connection, *key);
        draft.details["old_status"] = to_string(before.status);
        if (!before.processing_module.empty()) draft.module = before.processing_module;
        check(before, status, message);
        if (const auto run = impl_->innermost_run())
            draft.run_id = run->str();
        else if (before.run)
            draft.run_id = before.run->str();
        const auto now = Timestamp::now();
        draft.timestamp = now;
        draft.success = status != ArtifactStatus::failed;
        draft.details["error_message"] = message.empty() ? json(nullptr) : json(message);
        catalog::set_status(connection, *key, before, status, now, message.empty() ? std::nullopt : std::optional(message));
        after = catalog::load_artifact(connection, *key);
    });
    return *std::move(after);
}

}  // namespace custody
