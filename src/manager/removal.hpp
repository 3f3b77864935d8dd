#pragma once

#include <chrono>
#include <custody/maintenance.hpp>
#include <functional>
#include <optional>
#include <vector>

#include "audit/entry.hpp"
#include "catalog/cleanup.hpp"
#include "catalog/retention.hpp"
#include "manager/manager_impl.hpp"

namespace custody::manager {

/// Which payloads are to go, and what the entry of each removal says.
struct Removal {
    audit::Draft entry;
    Timestamp created_before;
    std::optional<ArtifactType> type{};
    std::optional<ArtifactStatus> status{};
    catalog::Dependents dependents = catalog::Dependents::direct;
    std::optional<catalog::RetentionRow> policy{};  ///< under which they go: where it was changed meanwhile nothing more does
    std::chrono::seconds grace{3600};               ///< of what lies in trash/, where a full disk has to be freed
    bool dry_run = false;
};

/// The moment before which an artifact must have been created to be so many days old now.
Timestamp days_ago(int days);

/// In two transactions for each batch: records, entries and the payloads' state; then, under the write lock, the files. Dry: only
/// looks. `tell` is called after each batch, and may throw to stop it. What it removes and keeps is added to `report`.
/// Failures are the caller's to record. @throws Busy, IoError, Corruption
void remove_payloads(ManagerImpl& manager, const Removal& removal, CleanupReport& report, const std::function<void()>& tell);

/// In the first transaction: marks those payloads as removed that no artifact has any more, with one entry that names them.
/// Answers them.
std::vector<Digest> mark_unreferenced(ManagerImpl& manager, sqlite::Connection& connection, ManagerImpl::Recorder& recorder,
                                      const std::vector<Digest>& digests);

/// The second transaction: moves to trash/ those whose record doesn't say, or no longer says, that they are present. Answers
/// those that were there. It writes no row, so it works on a full disk.
std::vector<Digest> move_to_trash(ManagerImpl& manager, const std::vector<Digest>& digests);

/// Runs `write` on so many items at a time, from an index on; it answers how many it has done. Where the disk is full the reserve
/// is given up and trash/ swept, the log is moved into the database, which makes its room free again, and a smaller batch is
/// tried.
/// @throws what `write` throws
void in_batches(ManagerImpl& manager, std::size_t count, std::chrono::seconds grace,
                const std::function<std::size_t(std::size_t first, std::size_t most)>& write);

/// The entry at the end of a removal, which a full disk must not keep from being written; then the reserve is made anew.
void record_removal(ManagerImpl& manager, audit::Draft& summary, std::chrono::seconds grace);

}  // namespace custody::manager
