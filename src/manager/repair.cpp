// What can be put right without losing anything, put right: schema, counters, payloads from another place, orphans, named links.

#include <unistd.h>

#include <custody/artifact_manager.hpp>
#include <set>

#include "catalog/artifacts.hpp"
#include "catalog/payloads.hpp"
#include "catalog/store.hpp"
#include "manager/named_links.hpp"
#include "manager/payload_search.hpp"
#include "manager/verification.hpp"

namespace custody {

namespace {

using Severity = Finding::Severity;

constexpr std::size_t most_ids_in_an_entry = 1000;

// One repair of a store. What is done is done in the order in which later steps rely on it.
class Repairing {
   public:
    Repairing(ManagerImpl& manager, const RepairOptions& options) : manager_(manager), options_(options) {}

    RepairReport run() {
        report_.dry_run = options_.dry_run;
        report_.before = look_at_everything();
        if (is_trusted()) {
            repair_schema();
            if (manager_.database().writable() || options_.dry_run) {
                repair_counters();
                heal_payloads();
                sweep_orphans();
                repair_links();
            }
        }
        report_.after = options_.dry_run || report_.repairs.empty() ? report_.before : look_at_everything();
        return std::move(report_);
    }

   private:
    VerifyReport look_at_everything() {
        return manager::Verification(manager_, {.threads = options_.threads, .progress = options_.progress}).run();
    }

    [[nodiscard]] std::set<std::string> subjects(const std::set<std::string>& kinds) const {
        std::set<std::string> found;
        for (const auto& finding : report_.before.findings) {
            if (kinds.contains(finding.kind)) found.insert(finding.subject);
        }
        return found;
    }

    // Nothing is written by a catalog that doesn't agree with its trail: what was altered, and what is right, isn't known.
    [[nodiscard]] bool is_trusted() {
        static const std::set<std::string> repairable = {"schema_altered",  "counter_drift",      "payload_missing",
                                                         "payload_altered", "payload_unreadable", "link_wrong"};
        for (const auto& finding : report_.before.findings) {
            if (finding.severity == Severity::error && !repairable.contains(finding.kind)) {
                report_.refused = "nothing was repaired: " + finding.kind + " (" + finding.subject +
                                  "), so the catalog can't be relied on; restore a backup";
                return false;
            }
        }
        return true;
    }

    void tell(const std::string& kind, const std::string& subject, const std::string& message) {
        report_.repairs.push_back({kind, subject, message});
    }

    [[nodiscard]] audit::Draft draft(const char* what) const {
        auto draft = manager_.draft("store", "repair");
        draft.details["repaired"] = what;
        return draft;
    }

    void repair_schema() {
        const auto differences = subjects({"schema_altered"});
        if (differences.empty()) return;
        if (!options_.dry_run) {
            auto entry = draft("schema");
            entry.details["differences"] = differences;
            manager_.database().repair_schema([&](sqlite::Connection& connection) {
                ManagerImpl::Recorder recorder(manager_, connection, audit::ClockJump::refuse);
                recorder.append(entry);
                recorder.finish();
            });
        }
        for (const auto& difference : differences) {
            const bool had_rows = difference.starts_with("foreign table ");
            tell("schema", difference,
                 std::string("the schema is as it was shipped again") +
                     (had_rows ? "; the catalog with this table in it is kept as " + manager_.layout().catalog().string() +
                                     ".v<version>-<time>"
                               : ""));
        }
    }

    void repair_counters() {
        if (subjects({"counter_drift"}).empty()) return;
        if (!options_.dry_run) {
            auto entry = draft("counters");
            manager_.change(entry, [&](sqlite::Connection& connection, ManagerImpl::Recorder&) {
                entry.details["drift"] = catalog::counter_drift(connection);
                catalog::rebuild_counters(connection);
            });
        }
        tell("counters", "counters", "counted anew");
    }

    void heal_payloads() {
        const auto damaged = subjects({"payload_missing", "payload_altered", "payload_unreadable"});
        if (damaged.empty() || options_.from.empty()) return;
        std::vector<catalog::PayloadRow> wanted;
        manager_.database().read([&](sqlite::Connection& connection) {
            wanted.clear();
            for (const auto& hex : damaged) wanted.push_back(catalog::find_payload(connection, Digest::parse(hex)).value());
        });
        for (const auto& [row, source] : manager::search_payloads(options_.from, wanted)) {
            if (!options_.dry_run) heal(row, source);
            tell("payload", row.digest.hex(), "healed from " + source.string());
        }
    }

    // The bad one keeps a name in trash/ until its grace is over; the good one is in place before anything says so.
    void heal(const catalog::PayloadRow& row, const std::filesystem::path& source) {
        auto entry = draft("payload");
        entry.details["checksum"] = row.digest.hex();
        entry.details["file_size"] = row.size_bytes;
        entry.details["source_path"] = manager_.clean_message(source.string());
        manager_.attempt(entry, [&] {
            auto staged = manager_.blobs().stage_file(source, Transfer::copy);
            if (staged.digest() != row.digest) throw IoError(source.string() + " was changed while it was copied", EAGAIN);
            manager_.blobs().keep_in_trash(row.digest);
            manager_.blobs().publish(staged, false);
            manager_.change(
                entry,
                [&](sqlite::Connection& connection, ManagerImpl::Recorder&) {
                    const auto there = manager_.blobs().ensure_published(staged);
                    const auto now = Timestamp::now();
                    catalog::mark_verified(connection, row.digest, there.mtime_ns, now);
                    entry.details["artifact_ids"] = catalog::artifacts_with(connection, row.digest, most_ids_in_an_entry);
                    entry.details["verified_at"] = now.str();
                },
                sqlite::Grouping::alone);
        });
    }

    // A source that was moved in by a create which died has no other copy: it goes back to its place, and stays where it can't.
    void give_back(std::set<std::string>& orphans) {
        for (const auto& taken : manager_.blobs().taken_over()) {
            const auto hex = taken.digest.hex();
            if (orphans.erase(hex) == 0) continue;
            bool is_back = options_.dry_run;
            if (!options_.dry_run) {
                manager_.transact([&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
                    const auto row = catalog::find_payload(connection, taken.digest);
                    if ((row && row->present) || !manager_.blobs().give_back(taken)) return;
                    is_back = true;
                    auto entry = draft("moved_source");
                    entry.details["checksum"] = hex;
                    recorder.append(entry);
                });
            }
            if (is_back) tell("moved_source", hex, "put back as " + taken.source.string());
        }
    }

    // A create that goes on at this moment has its file, and not yet its row: under the lock it finds the file gone, and links it
    // again.
    void sweep_orphans() {
        auto orphans = subjects({"orphan_payload"});
        if (!orphans.empty()) give_back(orphans);
        if (orphans.empty()) return;
        auto swept = json::array();
        if (!options_.dry_run) {
            auto entry = draft("orphans");
            manager_.change(
                entry,
                [&](sqlite::Connection& connection, ManagerImpl::Recorder&) {
                    swept = json::array();
                    for (const auto& hex : orphans) {
                        const auto digest = Digest::parse(hex);
                        const auto row = catalog::find_payload(connection, digest);
                        if ((row && row->present) || catalog::is_referenced(connection, digest)) continue;
                        if (manager_.blobs().discard(digest)) swept.push_back(hex);
                    }
                    entry.details["checksums"] = swept;
                },
                sqlite::Grouping::alone);
        } else {
            for (const auto& hex : orphans) swept.push_back(hex);
        }
        for (const auto& hex : swept) tell("orphan", hex.get<std::string>(), "moved to trash/");
    }

    void repair_links() {
        const auto links = manager::survey_named_links(manager_);
        if (links.missing.empty() && links.wrong.empty() && links.stale.empty()) return;
        auto entry = draft("links");
        entry.details["missing_count"] = links.missing.size();
        entry.details["wrong_count"] = links.wrong.size();
        entry.details["stale_count"] = links.stale.size();
        if (!options_.dry_run) {
            manager_.attempt(entry, [&] {
                for (const auto& path : links.stale) manager_.blobs().discard_file(path);
                for (const auto& link : links.wrong) manager_.blobs().discard_file(link.path);
                for (const auto* all : {&links.wrong, &links.missing}) {
                    for (const auto& link : *all) make(link);
                }
            });
            manager_.record(entry);
        }
        for (const auto& path : links.stale) tell("link", path.string(), "of nothing that is there: moved to trash/");
        for (const auto& link : links.wrong) tell("link", link.path.string(), "leads to its payload again");
        for (const auto& link : links.missing) tell("link", link.path.string(), "is there again");
    }

    void make(const manager::NamedLinks::Link& link) {
        const auto payload = manager_.blobs().path_of(link.payload);
        if (!manager_.blobs().stat(link.payload)) return;  // a payload that is missing is told of as that
        blobs::make_named_link(link.path, payload, manager_.blobs().modes().folder());
    }

    ManagerImpl& manager_;
    const RepairOptions& options_;
    RepairReport report_;
};

}  // namespace

RepairReport ArtifactManager::repair(const RepairOptions& options) {
    impl_->flush_reads();
    return Repairing(*impl_, options).run();
}

}  // namespace custody
