// Garbage collection: what nothing needs any more goes. In this order, so that it works on a full disk: first what is freed
// without a write to the catalog, then what takes transactions, then again what these have set free.

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <custody/artifact_manager.hpp>
#include <map>
#include <set>

#include "catalog/artifacts.hpp"
#include "catalog/payloads.hpp"
#include "manager/leftovers.hpp"
#include "manager/named_links.hpp"
#include "manager/removal.hpp"
#include "manager/taken_over.hpp"

namespace custody {

namespace {

constexpr std::size_t batch_size = 500;
constexpr std::size_t id_length = 36;

class Collection {
   public:
    Collection(ManagerImpl& manager, const GcOptions& options) : manager_(manager), options_(options) {
        report_.dry_run = options.dry_run;
    }

    GcReport run(audit::Draft& summary) {
        check(summary);
        if (!options_.dry_run) free_space(false);
        apply_policies();
        collect_unused();
        collect_orphans();
        free_space(true);
        summary.details["removed_count"] = report_.removed.size();
        summary.details["kept_count"] = report_.kept.size();
        summary.details["collected_files"] = report_.collected.size();
        summary.details["collected_bytes"] = report_.collected_bytes;
        summary.details["freed_files"] = report_.freed.size();
        summary.details["freed_bytes"] = report_.freed_bytes;
        summary.details["failed_files"] = report_.failed;
        if (options_.dry_run) {
            manager_.record(summary);
        } else {
            manager::record_removal(manager_, summary, options_.grace);
        }
        return std::move(report_);
    }

   private:
    void check(audit::Draft& summary) {
        manager::require_text(options_.reason, "the reason", 4096);
        if (options_.grace.count() < 0) throw InvalidArgument("a grace period can't be negative");
        if (!options_.reason.empty()) summary.details["reason"] = reason_ = manager_.clean_message(options_.reason);
    }

    // Whoever follows the progress may stop here.
    void tell(std::size_t more) {
        looked_at_ += more;
        if (options_.progress) options_.progress(looked_at_, 0);
    }

    void add(const blobs::Swept& swept, bool say_what_stays) {
        if (swept.why_not.empty()) {
            report_.freed.push_back({swept.path, swept.size_bytes, swept.why});
            report_.freed_bytes += swept.size_bytes;
        } else if (say_what_stays) {
            report_.left.push_back({swept.path, swept.size_bytes, swept.why_not});
            if (swept.failed) ++report_.failed;
        }
    }

    void free_space(bool say_what_stays) {
        const auto tell_of = [&](const blobs::Swept& swept) {
            add(swept, say_what_stays);
            tell(1);
        };
        sweep_links(tell_of);
        manager::sweep_leftovers(manager_.layout(), options_.dry_run, tell_of);
        manager_.blobs().sweep_trash(options_.grace.count(), options_.dry_run, tell_of);
    }

    // A named link to a removed payload may be a hard link, and then keeps its bytes. An interrupted cleanup leaves such.
    void sweep_links(const blobs::SweptCallback& tell_of) {
        const auto links = manager::named_link_files(manager_.layout());
        for (std::size_t first = 0; first < links.size(); first += batch_size) {
            const auto last = std::min(first + batch_size, links.size());
            std::vector<std::filesystem::path> stale;
            manager_.database().read([&](sqlite::Connection& connection) {
                stale.clear();
                for (auto i = first; i < last; ++i) {
                    if (is_stale(connection, links[i])) stale.push_back(links[i]);
                }
            });
            for (const auto& link : stale) tell_of(sweep_link(link));
        }
    }

    static bool is_stale(sqlite::Connection& connection, const std::filesystem::path& link) {
        const auto name = link.filename().string();
        if (name.size() <= id_length || name[id_length] != '_') return false;
        const auto id = ArtifactId::try_parse(name.substr(0, id_length));
        const auto key = id ? catalog::find_key(connection, *id) : std::nullopt;
        return key && !catalog::has_payload(connection, *key);
    }

    blobs::Swept sweep_link(const std::filesystem::path& link) const {
        blobs::Swept swept{.path = link, .why = "its artifact's payload was removed"};
        struct stat status {};
        const bool last = ::lstat(link.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1;
        if (last) swept.size_bytes = static_cast<std::uint64_t>(status.st_size);
        if (options_.dry_run || ::unlink(link.c_str()) == 0 || errno == ENOENT) return swept;
        swept.why_not = std::string("it can't be removed: ") + std::strerror(errno);
        swept.failed = true;
        return swept;
    }

    void apply_policies() {
        std::vector<catalog::RetentionRow> policies;
        manager_.database().read([&](sqlite::Connection& connection) { policies = catalog::list_retention(connection); });
        for (const auto& policy : policies) apply(policy);
    }

    void apply(const catalog::RetentionRow& policy) {
        manager::Removal removal{
            .entry = manager_.draft("artifact_cleanup", "remove_old"),
            .created_before = manager::days_ago(policy.days),
            .type = policy.type,
            .dependents = policy.when_descendants_completed ? catalog::Dependents::all : catalog::Dependents::none,
            .policy = policy,
            .grace = options_.grace,
            .dry_run = options_.dry_run};
        auto& details = removal.entry.details;
        details["older_than_days"] = policy.days;
        details["policy_seq"] = policy.seq;
        details["when_descendants_completed"] = policy.when_descendants_completed;
        if (!reason_.empty()) details["reason"] = reason_;
        CleanupReport cleaned;
        std::size_t told = 0;
        const auto take_over = [&] {
            const auto seen = cleaned.removed.size() + cleaned.kept.size();
            const auto more = seen - told;
            told = seen;
            tell(more);
        };
        manager::remove_payloads(manager_, removal, cleaned, take_over);
        for (const auto& id : cleaned.removed) report_.removed.push_back({id, policy.type, policy.days});
        for (auto& kept : cleaned.kept) report_.kept.push_back(std::move(kept));
        report_.removed_bytes += cleaned.removed_bytes;
    }

    void add_collected(const Digest& digest, std::uint64_t size_bytes, const char* why) {
        report_.collected.push_back({manager_.blobs().path_of(digest), size_bytes, why});
        report_.collected_bytes += size_bytes;
    }

    // Payloads whose record says that they are present, and which no artifact has: the record is put right, then the file goes.
    void collect_unused() {
        std::string after;
        for (bool more = true; more;) {
            std::vector<catalog::UnusedPayload> unused;
            manager_.database().read(
                [&](sqlite::Connection& connection) { unused = catalog::unused_payloads(connection, after, batch_size); });
            more = unused.size() == batch_size;
            if (!unused.empty()) after = unused.back().digest.hex();
            if (options_.dry_run) {
                for (const auto& each : unused) add_collected(each.digest, each.size_bytes, "no artifact has it any more");
            } else {
                manager::in_batches(manager_, unused.size(), options_.grace,
                                    [&](std::size_t first, std::size_t most) { return put_right(unused, first, most); });
            }
            tell(unused.size());
        }
    }

    std::size_t put_right(const std::vector<catalog::UnusedPayload>& unused, std::size_t first, std::size_t most) {
        const auto last = std::min(first + most, unused.size());
        std::map<Digest, std::uint64_t> sizes;
        std::vector<Digest> digests;
        for (auto i = first; i < last; ++i) {
            digests.push_back(unused[i].digest);
            sizes.emplace(unused[i].digest, unused[i].size_bytes);
        }
        std::vector<Digest> marked;
        manager_.transact([&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
            marked = manager::mark_unreferenced(manager_, connection, recorder, digests);
        });
        for (const auto& digest : marked) add_collected(digest, sizes.at(digest), "no artifact had it any more");
        if (!marked.empty()) manager::move_to_trash(manager_, marked);
        return last - first;
    }

    // Files whose record says that they were removed, and files without one. A create that is about to record such a file finds
    // it gone under the lock, and links it again. What was moved in is all that there is of it, and stays.
    void collect_orphans() {
        const auto listing = manager_.blobs().list();
        find_taken_over();
        for (const auto& path : listing.strangers)
            report_.left.push_back({path, blobs::size_of(path), "this is no payload of ours"});
        for (std::size_t first = 0; first < listing.blobs.size(); first += batch_size) {
            const auto last = std::min(first + batch_size, listing.blobs.size());
            std::vector<std::pair<Digest, std::uint64_t>> orphans;
            manager_.database().read([&](sqlite::Connection& connection) {
                orphans.clear();
                for (auto i = first; i < last; ++i) {
                    if (const auto size = orphan_size(connection, listing.blobs[i]))
                        orphans.emplace_back(listing.blobs[i], *size);
                }
            });
            if (!options_.dry_run && !orphans.empty()) {
                take(orphans);
            } else {
                for (const auto& [digest, size_bytes] : orphans) add_collected(digest, size_bytes, "no record names it");
            }
            tell(last - first);
        }
    }

    // After the files were listed: a mark is there before its file is.
    void find_taken_over() {
        for (const auto& taken : manager_.blobs().taken_over()) {
            bool is_recorded = false;
            manager_.database().read([&](sqlite::Connection& connection) {
                const auto row = catalog::find_payload(connection, taken.digest);
                is_recorded = row && row->present;
            });
            const auto stat = manager_.blobs().stat(taken.digest);
            if (stat && !is_recorded) {
                taken_over_.insert(taken.digest);
                report_.left.push_back(
                    {manager_.blobs().path_of(taken.digest), stat->size_bytes, manager::taken_over_message(taken)});
            } else if (manager_.blobs().forget(taken, options_.dry_run)) {
                add({.path = taken.mark, .why = "the move that it tells of is over"}, true);
            }
        }
    }

    std::optional<std::uint64_t> orphan_size(sqlite::Connection& connection, const Digest& digest) const {
        if (taken_over_.contains(digest)) return std::nullopt;
        const auto row = catalog::find_payload(connection, digest);
        if (row && row->present) return std::nullopt;
        const auto stat = manager_.blobs().stat(digest);
        return stat ? std::optional(stat->size_bytes) : std::nullopt;
    }

    // The entry names every file that goes. Should it not be written, the files are in trash/, where the next gc frees them.
    void take(const std::vector<std::pair<Digest, std::uint64_t>>& orphans) {
        std::vector<std::pair<Digest, std::uint64_t>> moved;
        manager_.transact([&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
            auto draft = manager_.draft("artifact_storage", "collect");
            auto& names = draft.details["orphans"] = json::array();
            for (const auto& [digest, size_bytes] : orphans) {
                const auto row = catalog::find_payload(connection, digest);
                if ((row && row->present) || !manager_.blobs().discard(digest)) continue;
                names.push_back(digest.hex());
                moved.emplace_back(digest, size_bytes);
            }
            if (!moved.empty()) recorder.append(draft);
        });
        for (const auto& [digest, size_bytes] : moved) add_collected(digest, size_bytes, "no record named it");
    }

    ManagerImpl& manager_;
    const GcOptions& options_;
    std::string reason_;
    GcReport report_;
    std::set<Digest> taken_over_{};
    std::uint64_t looked_at_ = 0;
};

}  // namespace

GcReport ArtifactManager::collect_garbage(const GcOptions& options) {
    auto entry = impl_->draft("store", "gc");
    entry.details["grace_seconds"] = options.grace.count();
    if (options.dry_run) entry.details["dry_run"] = true;
    return impl_->attempt(entry, [&] { return Collection(*impl_, options).run(entry); });
}

}  // namespace custody
