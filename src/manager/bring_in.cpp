// Payloads on their way into the store: staged, and published under their digests, one by one or many at once.

#include <sys/resource.h>

#include <algorithm>
#include <custody/error.hpp>
#include <map>
#include <mutex>
#include <span>

#include "blobs/errors.hpp"
#include "catalog/payloads.hpp"
#include "manager/crowd.hpp"
#include "manager/making.hpp"

namespace custody {

namespace {

// Content that was hashed as lately as this needs no second hashing when it comes again with the same size and time.
constexpr auto lately = std::chrono::hours(24);

// With fewer files than this each has its own syncs: one for the whole file system waits for what others write there, too.
constexpr std::size_t fewest_together = 8;
// So many wait for the commit with their files open.
constexpr std::size_t most_kept_open = 64;
// From this much on, few files are worth a thread each.
constexpr std::uint64_t fewest_bytes_at_once = std::uint64_t{8} << 20U;

blobs::Staged stage(blobs::BlobStore& blobs, const NewArtifact& wanted, const blobs::Progress& progress, blobs::Sync sync) {
    if (wanted.content) {
        auto staged = blobs.stage_bytes(*wanted.content, sync);
        if (progress) progress(staged.size_bytes());
        return staged;
    }
    if (wanted.source_fd >= 0) return blobs.stage_descriptor(wanted.source_fd, progress, sync);
    return blobs.stage_file(wanted.source_path, wanted.transfer, progress, sync);
}

// When what the store has under this digest was hashed, if that was lately and it looks untouched since.
std::optional<Timestamp> lately_verified(ManagerImpl& manager, sqlite::Connection& connection, const Digest& digest) {
    const auto row = catalog::find_payload(connection, digest);
    if (!row || !row->present || Timestamp::now().time() - row->verified_at.time() > lately) return std::nullopt;
    const auto stat = manager.blobs().stat(digest);
    const bool untouched = stat && stat->size_bytes == row->size_bytes && stat->mtime_ns == row->mtime_ns;
    return untouched ? std::optional(row->verified_at) : std::nullopt;
}

// Read once more, should it be needed: neither a descriptor nor a file that was moved can be.
bool can_come_again(const NewArtifact& wanted) { return wanted.source_fd < 0 && wanted.transfer != Transfer::move; }

// Progress never goes back, though a file that turns out to be another than was thought is read from its beginning again.
class Forward {
   public:
    explicit Forward(const blobs::Progress& progress) : progress_(progress) {}
    void operator()(std::uint64_t done) {
        furthest_ = std::max(furthest_, done);
        if (progress_) progress_(furthest_);
    }

   private:
    const blobs::Progress& progress_;
    std::uint64_t furthest_ = 0;
};

// A large file that is in the store already is read, compared unless that was hashed lately, and not written.
std::optional<blobs::Staged> stage_stored(ManagerImpl& manager, Making& making, const blobs::Progress& progress) {
    const auto& wanted = making.wanted;
    if (wanted.source_path.empty() || wanted.transfer != Transfer::copy) return std::nullopt;
    if (making.expected_bytes < catalog::indexed_size_bytes) return std::nullopt;
    std::vector<blobs::BlobStore::Candidate> candidates;
    std::map<Digest, Timestamp> verified;
    manager.database().read([&](sqlite::Connection& connection) {
        for (const auto& digest : catalog::payloads_of_size(connection, making.expected_bytes)) {
            const auto when = lately_verified(manager, connection, digest);
            candidates.push_back({digest, when.has_value()});
            if (when) verified.emplace(digest, *when);
        }
    });
    if (candidates.empty()) return std::nullopt;
    auto staged = manager.blobs().stage_stored(wanted.source_path, candidates, progress);
    const auto when = staged ? verified.find(staged->digest()) : verified.end();
    if (when != verified.end()) making.verified_at = when->second;  // what is there was not hashed now
    return staged;
}

// An import goes on without a payload that is not what its record says. One that can't be read ends it: the next try may read it.
void stage_into(ManagerImpl& manager, Making& making, const blobs::Progress& progress, blobs::Sync sync) {
    Forward forward(progress);
    const blobs::Progress told = std::ref(forward);
    making.staged = stage_stored(manager, making, told);
    if (!making.staged) making.staged = stage(manager.blobs(), making.wanted, told, sync);
    if (!making.expected || making.staged->digest() == *making.expected) return;
    making.payload_trouble = "its SHA-256 is " + making.staged->digest().hex() + ", and not that of its record";
    making.staged.reset();
}

void record_healed(ManagerImpl& manager, const blobs::Staged& staged) {
    auto entry = manager.draft("artifact_storage", "heal");
    entry.details = {{"checksum", staged.digest().hex()}, {"file_size", staged.size_bytes()}};
    manager.record(entry);
}

blobs::Published publish(ManagerImpl& manager, Making& making, blobs::Sync sync) {
    if (making.staged->closed()) return blobs::Published::present;
    const auto published = manager.blobs().publish(*making.staged, making.verified_at.has_value(), sync);
    // What is there was hashed now, if a source is to go for it.
    if (published != blobs::Published::present || making.wanted.transfer == Transfer::move) making.verified_at.reset();
    return published;
}

// What is staged but not synced is compared with the catalog. What is there already never has to reach the disk.
void look_up(ManagerImpl& manager, sqlite::Connection& connection, catalog::Sensitivities& types, Making& making) {
    check_against_catalog(manager, connection, types, making);
    if (making.staged->closed()) return;  // it is there, and when that was hashed is known
    making.verified_at = lately_verified(manager, connection, making.staged->digest());
    if (making.verified_at && can_come_again(making.wanted)) making.staged->close();
}

// One after another: each is durable and has its name before the next one is begun.
void bring_in_one(ManagerImpl& manager, Making& making, Meter& meter) {
    stage_into(manager, making, meter.of_one_file(), blobs::Sync::later);
    if (!making.staged) return;
    manager.database().read([&](sqlite::Connection& connection) {
        catalog::Sensitivities types(connection);
        look_up(manager, connection, types, making);
    });
    if (making.staged->closed()) return;
    const blobs::Staged* const staged = &*making.staged;
    if (making.wanted.transfer != Transfer::move) manager.blobs().sync_staged({&staged, 1});
    if (publish(manager, making, blobs::Sync::now) == blobs::Published::healed) record_healed(manager, *making.staged);
}

// What of a group the store doesn't have yet.
std::vector<const blobs::Staged*> new_of(Group group) {
    std::vector<const blobs::Staged*> all;
    for (const auto* making : group) {
        if (making->staged && !making->staged->closed()) all.push_back(&*making->staged);
    }
    return all;
}

// All of a group are written and then synced together, and so are their names.
void bring_in_group(ManagerImpl& manager, Group group, const std::optional<blobs::Barrier>& barrier, Meter& meter,
                    const Making*& at) {
    Crowd(meter, at).run(group, [&](Making& making) { stage_into(manager, making, meter.of_one_file(), blobs::Sync::later); });
    manager.database().read([&](sqlite::Connection& connection) {
        catalog::Sensitivities types(connection);
        for (auto* making : group) {
            at = making;
            if (making->staged) look_up(manager, connection, types, *making);
        }
    });
    at = nullptr;
    const auto added = new_of(group);
    if (added.empty()) return;
    barrier ? barrier->sync() : manager.blobs().sync_staged(added);
    std::mutex mutex;
    std::vector<const Making*> healed;
    Crowd(meter, at).run(group, [&](Making& making) {
        if (!making.staged || publish(manager, making, blobs::Sync::later) != blobs::Published::healed) return;
        const std::lock_guard lock(mutex);
        healed.push_back(&making);
    });
    at = nullptr;
    barrier ? barrier->sync() : manager.blobs().sync_names(added);
    for (const auto* making : healed) record_healed(manager, *making->staged);
}

// They have their names now, and their sources are there.
void let_go(Group group) {
    for (auto* making : group) {
        if (making->staged) making->staged->close();
    }
}

// So many are open at once between their staging and their names: a quarter of what a process may open. Each group has two syncs.
std::size_t group_size() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 32;
    return std::clamp<std::size_t>(limit.rlim_cur / 4, 1, 4096);
}

// Several large files: each on a core of its own.
bool are_worth_threads(const std::vector<Making*>& all) {
    std::uint64_t bytes = 0;
    for (const auto* making : all) bytes += making->expected_bytes;
    return all.size() > 1 && bytes >= fewest_bytes_at_once;
}

}  // namespace

void bring_in(ManagerImpl& manager, std::vector<Making>& all, const Making*& at, const Progress& progress) {
    Meter meter(progress, all);
    const auto check_all = [&](sqlite::Connection& connection) {
        catalog::Sensitivities types(connection);
        for (auto& making : all) {
            at = &making;
            check_against_catalog(manager, connection, types, making);
        }
    };
    // For nothing else than payloads it is soon enough under the lock.
    if (std::ranges::any_of(all, [](const Making& making) { return has_payload(making.wanted); })) {
        manager.database().read(check_all);
    }
    std::vector<Making*> together, one_by_one;
    for (auto& making : all) {
        if (has_payload(making.wanted)) (can_come_again(making.wanted) ? together : one_by_one).push_back(&making);
    }
    const bool as_groups = together.size() >= fewest_together;
    const auto barrier = as_groups ? manager.blobs().barrier() : std::nullopt;
    if (!as_groups && are_worth_threads(together)) {
        Crowd(meter, at).run(Group(together), [&](Making& making) { bring_in_one(manager, making, meter); });
    } else if (!as_groups) {
        one_by_one.insert(one_by_one.end(), together.begin(), together.end());
    }
    for (auto* making : one_by_one) {
        at = making;
        bring_in_one(manager, *making, meter);
        meter.tell();
    }
    const auto most = group_size();
    if (as_groups) blobs::make_room_for_descriptors(std::min(together.size(), most));
    for (Group rest = as_groups ? Group(together) : Group(); !rest.empty();) {
        const auto group = rest.first(std::min(rest.size(), most));
        rest = rest.subspan(group.size());
        bring_in_group(manager, group, barrier, meter, at);
        if (together.size() > std::min(most_kept_open, most)) let_go(group);
        meter.tell();
    }
    meter.tell();  // the last chance to stop: what follows is one transaction
}

namespace {

blobs::BlobStat ensure_published(ManagerImpl& manager, Making& making) {
    auto& staged = *making.staged;
    if (staged.closed()) {
        if (const auto there = manager.blobs().published(staged)) return *there;
        auto again = stage(manager.blobs(), making.wanted, {}, blobs::Sync::now);
        if (again.digest() != staged.digest()) blobs::throw_changed(making.wanted.source_path);
        staged = std::move(again);
    }
    return manager.blobs().ensure_published(staged);
}

}  // namespace

void record_payload(ManagerImpl& manager, sqlite::Connection& connection, Making& making, const Timestamp& now) {
    const auto there = ensure_published(manager, making);
    catalog::upsert_payload(connection,
                            {making.staged->digest(), there.size_bytes, true, there.mtime_ns, making.verified_at.value_or(now)});
}

}  // namespace custody
