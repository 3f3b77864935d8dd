// Payloads go, records stay. In two transactions: first the references and the payloads' state, with the entries; then, under the
// write lock, the files that are not said to be present. A crash between them leaves files that nothing refers to, which gc
// finds.

#include "manager/removal.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>

#include "catalog/artifacts.hpp"
#include "catalog/payloads.hpp"
#include "manager/reserve.hpp"

namespace custody::manager {

namespace {

using Clock = std::chrono::steady_clock;

// Small enough that other writers wait for tenths of a second at most, also where descendants are many.
constexpr std::size_t batch_size = 500;
constexpr auto longest_lock = std::chrono::milliseconds(100);

struct Batch {
    std::vector<catalog::CleanupCandidate> due;
    std::vector<catalog::CleanupCandidate> removed;
    std::vector<KeptArtifact> kept;
    catalog::ArtifactKey last = 0;
    bool more = false;
};

Batch look_at(sqlite::Connection& connection, const Removal& removal, catalog::ArtifactKey after) {
    Batch batch;
    const auto candidates =
        catalog::cleanup_candidates(connection, removal.created_before, removal.type, removal.status, after, batch_size);
    batch.more = candidates.size() == batch_size;
    for (const auto& candidate : candidates) {
        batch.last = candidate.key;
        if (auto reason = catalog::reason_to_keep(connection, candidate.key, removal.dependents)) {
            batch.kept.push_back({candidate.id, std::move(*reason)});
        } else {
            batch.due.push_back(candidate);
        }
    }
    return batch;
}

bool still_stands(sqlite::Connection& connection, const Removal& removal) {
    if (!removal.policy) return true;
    const auto now = catalog::find_retention(connection, removal.policy->type);
    return now && now->seq == removal.policy->seq;
}

void leave_tombstone(sqlite::Connection& connection, ManagerImpl::Recorder& recorder, const Removal& removal,
                     const catalog::CleanupCandidate& candidate) {
    const auto now = Timestamp::now();
    catalog::set_removed(connection, candidate.key, now);
    auto draft = removal.entry;
    draft.timestamp = now;
    draft.artifact_id = candidate.id.str();
    draft.details["artifact_type"] = candidate.type.name();
    draft.details["checksum"] = candidate.checksum.hex();
    draft.details["file_size"] = candidate.file_size;
    recorder.append(draft);
}

bool make_room(ManagerImpl& manager, std::chrono::seconds grace) {
    const bool had_reserve = release_reserve(manager.layout());
    return manager.blobs().sweep_trash(grace.count()) > 0 || had_reserve;
}

// What one first transaction has done.
struct Step {
    std::size_t done = 0;
    std::vector<catalog::CleanupCandidate> removed;
    std::vector<KeptArtifact> kept;
    std::vector<Digest> unreferenced;
};

// What was looked at a moment ago is looked at again: somebody may have placed a hold, or begun to use it.
void drop_references(sqlite::Connection& connection, ManagerImpl::Recorder& recorder, const Removal& removal, const Batch& batch,
                     std::size_t first, std::size_t most, Step& step) {
    step = {};
    const auto begun = Clock::now();
    const bool stands = still_stands(connection, removal);
    for (auto i = first; i < std::min(first + most, batch.due.size()); ++i) {
        if (step.done > 0 && Clock::now() - begun > longest_lock) break;
        ++step.done;
        const auto& candidate = batch.due[i];
        if (!catalog::is_still_candidate(connection, candidate.key, removal.status)) continue;
        auto reason = stands ? catalog::reason_to_keep(connection, candidate.key, removal.dependents)
                             : std::optional<std::string>("its type's retention policy was changed meanwhile");
        if (reason) {
            step.kept.push_back({candidate.id, std::move(*reason)});
            continue;
        }
        leave_tombstone(connection, recorder, removal, candidate);
        step.removed.push_back(candidate);
    }
}

// The named links are a view: they follow the truth.
void remove_links(const ManagerImpl& manager, const std::vector<catalog::CleanupCandidate>& removed) {
    for (const auto& candidate : removed) {
        ::unlink((manager.storage_path() / catalog::link_path(candidate.id, candidate.type, candidate.file_name)).c_str());
    }
}

void count_moved(const Step& step, const std::vector<Digest>& moved, CleanupReport& report) {
    for (const auto& digest : moved) {
        const auto found = std::find_if(step.removed.begin(), step.removed.end(),
                                        [&](const auto& candidate) { return candidate.checksum == digest; });
        ++report.removed_files;
        if (found != step.removed.end()) report.removed_bytes += found->file_size;
    }
}

void remove(ManagerImpl& manager, const Removal& removal, Batch& batch, CleanupReport& report) {
    in_batches(manager, batch.due.size(), removal.grace, [&](std::size_t first, std::size_t most) {
        Step step;
        manager.transact([&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
            drop_references(connection, recorder, removal, batch, first, most, step);
            std::set<Digest> contents;
            for (const auto& candidate : step.removed) contents.insert(candidate.checksum);
            step.unreferenced = mark_unreferenced(manager, connection, recorder, {contents.begin(), contents.end()});
        });
        for (const auto& candidate : step.removed) report.removed.push_back(candidate.id);
        for (auto& kept : step.kept) batch.kept.push_back(std::move(kept));
        remove_links(manager, step.removed);
        if (!step.unreferenced.empty()) count_moved(step, move_to_trash(manager, step.unreferenced), report);
        return step.done;
    });
}

}  // namespace

// Days before the first year of our calendar are as good as the first day of it.
Timestamp days_ago(int days) {
    const auto now = Timestamp::now();
    const auto age = std::chrono::days(days);
    const auto oldest = Timestamp::parse("0001-01-01");
    // Compared in days: as microseconds a large age would overflow, and come out as a day in the future.
    const auto since_oldest = std::chrono::duration_cast<std::chrono::days>(now.time() - oldest.time());
    return since_oldest > age ? Timestamp(now.time() - age) : oldest;
}

void in_batches(ManagerImpl& manager, std::size_t count, std::chrono::seconds grace,
                const std::function<std::size_t(std::size_t first, std::size_t most)>& write) {
    auto most = batch_size;
    for (std::size_t first = 0; first < count;) {
        try {
            first += write(first, most);
        } catch (const IoError& error) {
            if (error.code() != ENOSPC) throw;
            const bool made_room = make_room(manager, grace);
            if (most == 1 && !made_room) throw;
            most = std::max<std::size_t>(most / 8, 1);
            try {
                manager.database().checkpoint();
            } catch (const Error&) {
                // The smaller batch may fit all the same.
            }
        }
    }
}

std::vector<Digest> mark_unreferenced(ManagerImpl& manager, sqlite::Connection& connection, ManagerImpl::Recorder& recorder,
                                      const std::vector<Digest>& digests) {
    std::vector<Digest> marked;
    auto draft = manager.draft("artifact_storage", "collect");
    auto& checksums = draft.details["checksums"] = json::array();
    for (const auto& digest : digests) {
        const auto row = catalog::find_payload(connection, digest);
        if (!row || !row->present || catalog::is_referenced(connection, digest)) continue;
        catalog::mark_payload_removed(connection, *row);
        checksums.push_back(digest.hex());
        marked.push_back(digest);
    }
    if (!marked.empty()) recorder.append(draft);
    return marked;
}

void record_removal(ManagerImpl& manager, audit::Draft& summary, std::chrono::seconds grace) {
    in_batches(manager, 1, grace, [&](std::size_t, std::size_t) {
        manager.record(summary);
        return 1;
    });
    make_reserve(manager.layout(), manager.blobs().modes().file());
}

std::vector<Digest> move_to_trash(ManagerImpl& manager, const std::vector<Digest>& digests) {
    std::vector<Digest> moved;
    manager.database().write([&](sqlite::Connection& connection) {
        for (const auto& digest : digests) {
            const auto row = catalog::find_payload(connection, digest);
            if (row && row->present) continue;  // it has come again meanwhile
            if (manager.blobs().discard(digest)) moved.push_back(digest);
        }
    });
    return moved;
}

void remove_payloads(ManagerImpl& manager, const Removal& removal, CleanupReport& report, const std::function<void()>& tell) {
    catalog::ArtifactKey after = 0;
    for (bool more = true; more;) {
        Batch batch;
        manager.database().read([&](sqlite::Connection& connection) { batch = look_at(connection, removal, after); });
        if (removal.dry_run) {
            for (const auto& candidate : batch.due) {
                report.removed.push_back(candidate.id);
                report.removed_bytes += candidate.file_size;
            }
        } else {
            remove(manager, removal, batch, report);
        }
        more = batch.more;
        after = batch.last;
        for (auto& kept : batch.kept) report.kept.push_back(std::move(kept));
        tell();
    }
}

}  // namespace custody::manager
