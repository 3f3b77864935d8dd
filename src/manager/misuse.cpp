// Calls that other languages' callers got so wrong that they can't be made.

#include <algorithm>
#include <array>
#include <custody/artifact_manager.hpp>

#include "base/text.hpp"
#include "manager/manager_impl.hpp"

namespace custody {

namespace {

struct Call {
    std::string_view name;
    const char* operation;
    const char* action;
};

constexpr std::array<Call, 19> calls = {{
    {"create_artifact", "artifact_storage", "store"},
    {"update_artifact_status", "artifact_update", "update_status"},
    {"link_artifacts", "artifact_link", "create_relationship"},
    {"get_artifact", "artifact_access", "get_metadata"},
    {"get_artifact_file", "artifact_access", "get_file"},
    {"open_payload", "artifact_access", "stream"},
    {"checkout", "artifact_access", "checkout"},
    {"get_artifact_lineage", "artifact_access", "lineage"},
    {"get_artifact_history", "artifact_access", "history"},
    {"list_artifacts", "artifact_access", "list"},
    {"cleanup_old_artifacts", "artifact_cleanup", "remove_old"},
    {"start_processing_run", "processing_run", "start"},
    {"end_processing_run", "processing_run", "end"},
    {"get_run", "processing_run", "get"},
    {"list_runs", "processing_run", "list"},
    {"add_hold", "artifact_hold", "add"},
    {"remove_hold", "artifact_hold", "remove"},
    {"query_audit_trail", "audit_access", "query"},
    {"export_audit_trail", "audit_access", "export"},
}};

constexpr std::size_t longest_message_bytes = 4096;

}  // namespace

void ArtifactManager::record_misuse(std::string_view call, const std::string& message, bool unknown_id) {
    const auto* const known = std::find_if(calls.begin(), calls.end(), [&](const Call& each) { return each.name == call; });
    if (known == calls.end()) throw InvalidArgument("there is no call " + std::string(call) + " whose misuse could be recorded");
    auto draft = impl_->draft(known->operation, known->action);
    if (const auto run = impl_->innermost_run()) draft.run_id = run->str();
    const bool looks = draft.operation == "artifact_access" || draft.operation == "audit_access" || draft.action == "get";
    if (unknown_id && looks) {  // looking for what can't be there is no error
        draft.outcome = Outcome::not_found;
        draft.details["reason_code"] = "malformed_id";
        return impl_->record_read(draft, false);
    }
    const auto shown = base::shortened(message, longest_message_bytes);  // a caller's value may be of any length
    if (unknown_id) return impl_->record_failure(draft, NotFound(shown), {});
    impl_->record_failure(draft, InvalidArgument(shown), {});
}

}  // namespace custody
