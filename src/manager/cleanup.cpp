// Cleanup: payloads of old artifacts go, records stay. In two transactions: first the references, with the entries;
// then, under the write lock, the files that nothing refers to any more.

#include <unistd.h>

#include <custody/artifact_manager.hpp>

#include "catalog/artifacts.hpp"
#include "catalog/payloads.hpp"
#include "catalog/types.hpp"
#include "manager/manager_impl.hpp"

namespace custody {

namespace {

// Small enough that other writers wait for tenths of a second at most.
constexpr std::size_t batch_size = 500;

struct Batch {
    std::vector<catalog::CleanupCandidate> removed;
    std::vector<KeptArtifact> kept;
    catalog::ArtifactKey last = 0;
    bool more = false;
};

Batch look_at(sqlite::Connection& connection, const CleanupOptions& options, const Timestamp& cutoff,
              catalog::ArtifactKey after) {
    Batch batch;
    const auto candidates = catalog::cleanup_candidates(connection, cutoff, options.type, options.status, after, batch_size);
    batch.more = candidates.size() == batch_size;
    for (const auto& candidate : candidates) {
        batch.last = candidate.key;
        if (auto reason = catalog::reason_to_keep(connection, candidate.key)) {
            batch.kept.push_back({candidate.id, std::move(*reason)});
        } else {
            batch.removed.push_back(candidate);
        }
    }
    return batch;
}

audit::Draft entry_of(const ManagerImpl& manager, const CleanupOptions& options) {
    auto draft = manager.draft("artifact_cleanup", "remove_old");
    draft.details["older_than_days"] = options.older_than_days;
    if (options.type) draft.details["artifact_type"] = options.type->name();
    if (options.status) draft.details["status"] = to_string(*options.status);
    if (options.dry_run) draft.details["dry_run"] = true;
    return draft;
}

// First transaction: tombstones, an entry for each.
void drop_references(sqlite::Connection& connection, ManagerImpl::Recorder& recorder, const Batch& batch,
                     const audit::Draft& entry) {
    const auto now = Timestamp::now();
    for (const auto& candidate : batch.removed) {
        catalog::set_removed(connection, candidate.key, now);
        auto draft = entry;
        draft.timestamp = now;
        draft.artifact_id = candidate.id.str();
        draft.details["artifact_type"] = candidate.type.name();
        draft.details["checksum"] = candidate.checksum.hex();
        draft.details["file_size"] = candidate.file_size;
        recorder.append(draft);
    }
}

// Second transaction: files that nothing refers to go to trash/.
void collect(ManagerImpl& manager, const Batch& batch, CleanupReport& report) {
    auto draft = manager.draft("artifact_storage", "collect");
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    manager.change_many(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
        files = bytes = 0;
        auto& digests = draft.details["checksums"] = json::array();
        for (const auto& candidate : batch.removed) {
            const auto row = catalog::find_payload(connection, candidate.checksum);
            if (!row || !row->present || catalog::references_to(connection, candidate.checksum) != 0) continue;
            catalog::mark_payload_removed(connection, candidate.checksum);
            manager.blobs().discard(candidate.checksum);
            digests.push_back(candidate.checksum.hex());
            ++files;
            bytes += candidate.file_size;
        }
        if (files > 0) recorder.append(draft);
    });
    report.removed_files += files;
    report.removed_bytes += bytes;
}

// The named links are a view: they follow the truth.
void remove_links(const ManagerImpl& manager, const Batch& batch) {
    for (const auto& candidate : batch.removed) {
        ::unlink((manager.storage_path() / catalog::link_path(candidate.id, candidate.type, candidate.file_name)).c_str());
    }
}

void add_to(CleanupReport& report, Batch&& batch) {
    for (const auto& candidate : batch.removed) report.removed.push_back(candidate.id);
    for (auto& kept : batch.kept) report.kept.push_back(std::move(kept));
}

void check(ManagerImpl& manager, const CleanupOptions& options) {
    if (options.older_than_days < 0) throw InvalidArgument("the age in days can't be negative");
    if (!options.type) return;
    manager.database().read([&](sqlite::Connection& connection) {
        if (catalog::find_sensitivity(connection, *options.type)) return;
        throw InvalidArgument("the artifact type " + options.type->str() + " is not registered in this store");
    });
}

// Days before the first year of our calendar are as good as the first day of it.
Timestamp cutoff_of(const CleanupOptions& options) {
    const auto now = Timestamp::now();
    const auto age = std::chrono::days(options.older_than_days);
    const auto oldest = Timestamp::parse("0001-01-01");
    // Compared in days: as microseconds a large age would overflow, and come out as a day in the future.
    const auto since_oldest = std::chrono::duration_cast<std::chrono::days>(now.time() - oldest.time());
    return since_oldest > age ? Timestamp(now.time() - age) : oldest;
}

}  // namespace

CleanupReport ArtifactManager::cleanup_old_artifacts(const CleanupOptions& options) {
    auto entry = entry_of(*impl_, options);
    impl_->attempt(entry, [&] { check(*impl_, options); });
    const auto cutoff = cutoff_of(options);
    CleanupReport report{.dry_run = options.dry_run};
    catalog::ArtifactKey after = 0;
    for (bool more = true; more;) {
        Batch batch;
        if (options.dry_run) {
            impl_->attempt(entry, [&] {
                impl_->database().read(
                    [&](sqlite::Connection& connection) { batch = look_at(connection, options, cutoff, after); });
            });
            for (const auto& candidate : batch.removed) report.removed_bytes += candidate.file_size;
        } else {
            impl_->change_many(entry, [&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
                batch = look_at(connection, options, cutoff, after);
                drop_references(connection, recorder, batch, entry);
            });
            if (!batch.removed.empty()) collect(*impl_, batch, report);
            remove_links(*impl_, batch);
        }
        more = batch.more;
        after = batch.last;
        add_to(report, std::move(batch));
        // Whoever follows the progress may stop here: what has gone is recorded, and so is the stop.
        if (options.progress) impl_->attempt(entry, [&] { options.progress(report.removed.size() + report.kept.size(), 0); });
    }
    auto summary = entry_of(*impl_, options);
    summary.details["removed_count"] = report.removed.size();
    summary.details["kept_count"] = report.kept.size();
    summary.details["removed_files"] = report.removed_files;
    impl_->attempt(summary, [&] { impl_->record(summary); });
    if (!options.dry_run) impl_->blobs().sweep_trash(blobs::trash_grace_seconds);
    return report;
}

std::size_t ArtifactManager::cleanup_temp() { return impl_->empty_temp(true); }

std::filesystem::path ArtifactManager::temp_folder() { return impl_->temp_folder(); }

}  // namespace custody
