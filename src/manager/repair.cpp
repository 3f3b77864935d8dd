// What can be put right without losing anything, put right: schema, counters, payloads from another place, orphans, named links.

#include <unistd.h>

#include <custody/artifact_manager.hpp>
#include <set>

#include "blobs/incoming.hpp"
#include "catalog/artifacts.hpp"
#include "catalog/counters.hpp"
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

    // One thing that can't be put right is no reason to leave the others.
    template <class Step>
    bool try_to(const std::string& kind, const std::string& subject, const Step& step) {
        try {
            step();
            return true;
        } catch (const Busy&) {
            throw;
        } catch (const InvalidState&) {
            throw;
        } catch (const Error& error) {
            report_.failed.push_back({kind, subject, error.what()});
            return false;
        }
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
        // Sources are refused behind symbolic links; where the folder itself is behind one its name alone leads there.
        std::error_code code;
        const auto real = std::filesystem::canonical(options_.from, code);
        for (const auto& found : manager::search_payloads(code ? options_.from : real, wanted)) {
            const auto& [row, source] = found;
            const auto hex = row.digest.hex();
            if (options_.dry_run || try_to("payload", hex, [&] { heal(found.first, found.second); }))
                tell("payload", hex, "healed from " + source.string());
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
            const auto put_back = [&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
                const auto row = catalog::find_payload(connection, taken.digest);
                if ((row && row->present) || !manager_.blobs().give_back(taken)) return;
                is_back = true;
                auto entry = draft("moved_source");
                entry.details["checksum"] = hex;
                recorder.append(entry);
            };
            if (!options_.dry_run) try_to("moved_source", hex, [&] { manager_.transact(put_back); });
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
        auto links = manager::survey_named_links(manager_);
        std::erase_if(links.stale, [](const auto& path) { return !is_own(path); });
        if (links.missing.empty() && links.wrong.empty() && links.stale.empty()) return;
        const auto put_right = [&](const std::filesystem::path& path, const char* message, const auto& step) {
            const bool is_right = options_.dry_run || try_to("link", path.string(), step);
            if (is_right) tell("link", path.string(), message);
            return is_right ? 1 : 0;
        };
        int stale = 0, wrong = 0, missing = 0;
        for (const auto& path : links.stale) {
            stale += put_right(path, "of nothing that is there: moved to trash/", [&] { manager_.blobs().discard_file(path); });
        }
        for (const auto& link : links.wrong) {
            wrong += put_right(link.path, "leads to its payload again; what was there is in trash/", [&] {
                manager_.blobs().discard_file(link.path);
                make(link);
            });
        }
        for (const auto& link : links.missing) missing += put_right(link.path, "is there again", [&] { make(link); });
        if (options_.dry_run || stale + wrong + missing == 0) return;
        auto entry = draft("links");
        entry.details["missing_count"] = missing;
        entry.details["wrong_count"] = wrong;
        entry.details["stale_count"] = stale;
        manager_.record(entry);
    }

    // Whatever else lies among the links is somebody's own, and is left to him; verify tells of it.
    static bool is_own(const std::filesystem::path& path) {
        constexpr std::size_t id_size = 36;
        const auto name = path.filename().string();
        const bool is_link = name.size() > id_size && name[id_size] == '_' && ArtifactId::try_parse(name.substr(0, id_size));
        return is_link || blobs::is_temporary_file_name(name);
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
