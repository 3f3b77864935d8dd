// Holds: what keeps a payload from cleanup.

#include "catalog/holds.hpp"

#include <custody/artifact_manager.hpp>

#include "manager/manager_impl.hpp"

namespace custody {

static bool is_blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

Hold ArtifactManager::add_hold(const ArtifactId& id, const std::string& reason) {
    auto draft = impl_->draft("artifact_hold", "add");
    draft.artifact_id = id.str();
    std::optional<Hold> hold;
    impl_->change(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder&) {
        manager::require_text(reason, "the reason", 4096);
        if (is_blank(reason)) throw InvalidArgument("a hold needs a reason");
        const auto key = catalog::find_key(connection, id);
        if (!key) throw NotFound("there is no artifact " + id.str());
        const auto text = impl_->clean_message(reason);
        const auto now = Timestamp::now();
        const auto number = catalog::insert_hold(connection, *key, text, impl_->user(), now);
        draft.timestamp = now;
        draft.details = {{"hold_id", number}, {"reason", text}};
        hold.emplace(Hold{number, id, text, impl_->user(), now});
    });
    return *std::move(hold);
}

std::size_t ArtifactManager::remove_hold(const ArtifactId& id, const std::string& reason,
                                         const std::optional<std::int64_t>& hold_id) {
    auto draft = impl_->draft("artifact_hold", "remove");
    draft.artifact_id = id.str();
    std::size_t lifted = 0;
    impl_->change(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder&) {
        manager::require_text(reason, "the reason", 4096);
        if (!reason.empty() && is_blank(reason)) throw InvalidArgument("the reason is blank");
        const auto key = catalog::find_key(connection, id);
        if (!key) throw NotFound("there is no artifact " + id.str());
        const auto now = Timestamp::now();
        const auto numbers = catalog::lift_holds(connection, *key, hold_id, impl_->user(), now);
        if (numbers.empty() && hold_id) {
            throw NotFound("artifact " + id.str() + " has no hold " + std::to_string(*hold_id) + "; see custody hold list");
        }
        if (numbers.empty()) throw NotFound("artifact " + id.str() + " is not on hold");
        lifted = numbers.size();
        draft.timestamp = now;
        draft.details = {{"hold_ids", numbers}, {"reason", reason.empty() ? json(nullptr) : json(impl_->clean_message(reason))}};
    });
    return lifted;
}

std::vector<Hold> ArtifactManager::list_holds() {
    auto draft = impl_->draft("artifact_hold", "list");
    std::vector<Hold> holds;
    impl_->look(draft, [&](sqlite::Connection& connection) {
        holds = catalog::active_holds(connection);
        draft.details["result_count"] = holds.size();
    });
    return holds;
}

}  // namespace custody
