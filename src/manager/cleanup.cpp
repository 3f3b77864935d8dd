// Cleanup: payloads of old artifacts go, records stay.

#include <custody/artifact_manager.hpp>

#include "catalog/types.hpp"
#include "manager/removal.hpp"

namespace custody {

namespace {

audit::Draft entry_of(const ManagerImpl& manager, const CleanupOptions& options) {
    auto draft = manager.draft("artifact_cleanup", "remove_old");
    draft.details["older_than_days"] = options.older_than_days;
    if (options.type) draft.details["artifact_type"] = options.type->name();
    if (options.status) draft.details["status"] = to_string(*options.status);
    if (options.dry_run) draft.details["dry_run"] = true;
    return draft;
}

void check(ManagerImpl& manager, const CleanupOptions& options) {
    manager::require_text(options.reason, "the reason", 4096);
    if (options.older_than_days < 0) throw InvalidArgument("the age in days can't be negative");
    if (!options.type) return;
    manager.database().read([&](sqlite::Connection& connection) {
        if (catalog::find_sensitivity(connection, *options.type)) return;
        throw InvalidArgument("the artifact type " + options.type->str() + " is not registered in this store");
    });
}

}  // namespace

CleanupReport ArtifactManager::cleanup_old_artifacts(const CleanupOptions& options) {
    auto entry = entry_of(*impl_, options);
    CleanupReport report{.dry_run = options.dry_run};
    impl_->attempt(entry, [&] {
        check(*impl_, options);
        if (!options.reason.empty()) entry.details["reason"] = impl_->clean_message(options.reason);
        // First what needs no write: on a full disk that makes the room for what does.
        if (!options.dry_run) impl_->blobs().sweep_trash(GcOptions{}.grace.count());
        const manager::Removal removal{.entry = entry,
                                       .created_before = manager::days_ago(options.older_than_days),
                                       .type = options.type,
                                       .status = options.status,
                                       .dry_run = options.dry_run};
        // Whoever follows the progress may stop here: what has gone is recorded, and so is the stop.
        manager::remove_payloads(*impl_, removal, report, [&] {
            if (options.progress) options.progress(report.removed.size() + report.kept.size(), 0);
        });
        entry.details["removed_count"] = report.removed.size();
        entry.details["kept_count"] = report.kept.size();
        entry.details["removed_files"] = report.removed_files;
        if (options.dry_run) return impl_->record(entry);
        manager::record_removal(*impl_, entry, removal.grace);
    });
    return report;
}

std::size_t ArtifactManager::cleanup_temp() { return impl_->empty_temp(true); }

std::filesystem::path ArtifactManager::temp_folder() { return impl_->temp_folder(); }

}  // namespace custody
