// Retention policies: how long payloads of a type are kept. gc applies them.

#include "catalog/retention.hpp"

#include <algorithm>
#include <custody/artifact_manager.hpp>

#include "catalog/types.hpp"
#include "manager/manager_impl.hpp"

namespace custody {

namespace {

json facts_of(const catalog::RetentionRow& policy) {
    return {{"days", policy.days}, {"when_descendants_completed", policy.when_descendants_completed}};
}

json reason_of(const ManagerImpl& manager, const std::string& reason) {
    return reason.empty() ? json(nullptr) : json(manager.clean_message(reason));
}

}  // namespace

RetentionPolicy ArtifactManager::set_retention(const ArtifactType& type, const RetentionRule& rule) {
    auto draft = impl_->draft("artifact_type", "set_retention");
    draft.details["artifact_type"] = type.name();
    std::optional<RetentionPolicy> set;
    impl_->change_many(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
        manager::require_text(rule.reason, "the reason", 4096);
        if (rule.days < 0) throw InvalidArgument("the days of a retention policy can't be negative");
        if (!catalog::find_sensitivity(connection, type)) {
            throw InvalidArgument("the artifact type " + type.str() + " is not registered in this store");
        }
        const auto old = catalog::find_retention(connection, type);
        catalog::RetentionRow policy{type, rule.days, rule.when_descendants_completed, 0};
        draft.details.update(facts_of(policy));
        draft.details["old"] = old ? facts_of(*old) : json(nullptr);
        draft.details["reason"] = reason_of(*impl_, rule.reason);
        policy.seq = recorder.append(draft);
        catalog::put_retention(connection, policy);
        auto all = catalog::described_retention(connection);
        const auto found = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.type == type; });
        if (found != all.end()) set.emplace(std::move(*found));
    });
    return std::move(*set);
}

void ArtifactManager::remove_retention(const ArtifactType& type, const std::string& reason) {
    auto draft = impl_->draft("artifact_type", "remove_retention");
    draft.details["artifact_type"] = type.name();
    impl_->change(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder&) {
        manager::require_text(reason, "the reason", 4096);
        const auto old = catalog::find_retention(connection, type);
        if (!old) throw NotFound("the type " + type.str() + " has no retention policy");
        catalog::delete_retention(connection, type);
        draft.details["old"] = facts_of(*old);
        draft.details["reason"] = reason_of(*impl_, reason);
    });
}

std::vector<RetentionPolicy> ArtifactManager::list_retention() {
    auto draft = impl_->draft("artifact_type", "list_retention");
    std::vector<RetentionPolicy> policies;
    impl_->look(draft, [&](sqlite::Connection& connection) {
        policies = catalog::described_retention(connection);
        draft.details["result_count"] = policies.size();
    });
    return policies;
}

}  // namespace custody
