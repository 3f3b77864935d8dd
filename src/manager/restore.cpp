// A store made from a backup, or from the copy of a store's folder.

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <custody/artifact_manager.hpp>

#include "audit/checkpoints.hpp"
#include "audit/entry.hpp"
#include "base/phi_guard.hpp"
#include "base/text.hpp"
#include "catalog/payloads.hpp"
#include "manager/copy_check.hpp"
#include "manager/manager_impl.hpp"
#include "manager/migration_data.hpp"
#include "manager/new_folder.hpp"
#include "manager/payload_copy.hpp"
#include "manager/restore_source.hpp"
#include "sqlite/copy.hpp"
#include "sqlite/files.hpp"
#include "sqlite/schema_state.hpp"

namespace custody {

namespace {

using manager::Head;
using manager::RestoreSource;
using Severity = Finding::Severity;

constexpr std::size_t most_findings = 1000;
constexpr std::size_t epoch_bytes = 8;

std::string first_of(const std::vector<Finding>& findings) {
    const auto& first = findings.front();
    const auto more = findings.size() - 1;
    return first.kind + ": " + first.subject + ": " + first.message +
           (more == 0 ? "" : " (and " + std::to_string(more) + " more)");
}

// The copy of the source's catalog while it becomes that of the new store; nobody else knows it.
class DraftCatalog {
   public:
    DraftCatalog(const RestoreSource& source, const manager::Layout& layout)
        : source_(source), file_(layout.catalog().string() + ".new-" + blobs::random_hex(8)), final_(layout.catalog()) {}
    DraftCatalog(const DraftCatalog&) = delete;
    DraftCatalog& operator=(const DraftCatalog&) = delete;
    ~DraftCatalog() { remove(); }

    /// Copies it, brings it to this version, and verifies it. @throws Corruption, VersionMismatch, IoError
    Head open(unsigned mode) {
        sqlite::copy_pages(*sqlite::open_at_rest(source_.catalog), file_, mode);
        connection_ = sqlite::open_connection(file_, sqlite::Access::read_write);
        const auto schema = sqlite::schema_state(*connection_);
        version_before_ = schema.version;
        if (version_before_ > sqlite::newest_version()) {
            throw VersionMismatch(source_.catalog.string() + " has schema version " + std::to_string(version_before_) +
                                  ", and this program knows up to " + std::to_string(sqlite::newest_version()) +
                                  ": use a newer custody");
        }
        if (version_before_ >= 1 && version_before_ < sqlite::newest_version()) {
            if (!schema.differences.empty()) {
                throw SchemaAltered("nothing was restored: the schema was altered: " + schema.differences.front());
            }
            sqlite::migrate(*connection_, manager::migrate_data);
        }
        std::vector<Finding> found;
        const auto head = manager::check_copy(*connection_, found);
        if (!found.empty()) throw Corruption("nothing was restored: the catalog of the source is not sound: " + first_of(found));
        if (!head) throw Corruption("nothing was restored: the catalog of the source has no trail");
        const auto& said = source_.manifest;
        if (said && !manager::continues(*connection_, said->tree_size, *said->root)) {
            throw Corruption("nothing was restored: the catalog is not the one that backup.json tells of, with " +
                             std::to_string(said->tree_size) + " entries: it was replaced by another or an older one");
        }
        return *head;
    }

    [[nodiscard]] sqlite::Connection& connection() { return *connection_; }
    [[nodiscard]] int version_before() const { return version_before_; }

    /// Gives it its name. @throws IoError
    void publish() {
        connection_->clear_statements();
        connection_->execute("PRAGMA journal_mode = WAL");
        connection_.reset();
        sqlite::sync_file_and_folder(file_);
        if (::link(file_.c_str(), final_.c_str()) != 0) {
            const int code = errno;
            throw IoError("can't name " + final_.string() + ": " + std::strerror(code), code);
        }
        remove();
        try {
            sqlite::sync_folder_of(final_);
        } catch (...) {
            ::unlink(final_.c_str());
            throw;
        }
    }

   private:
    void remove() noexcept {
        try {
            connection_.reset();
            for (const char* suffix : {"", "-wal", "-shm", "-journal"}) ::unlink((file_.string() + suffix).c_str());
        } catch (const std::exception&) {
            // No memory for the names: the folder's end takes them, or the next restore.
        }
    }

    const RestoreSource& source_;
    std::filesystem::path file_;
    std::filesystem::path final_;
    std::unique_ptr<sqlite::Connection> connection_;
    int version_before_ = 0;
};

class Restore {
   public:
    Restore(const std::filesystem::path& source, manager::Layout layout, const RestoreOptions& options,
            const ManagerOptions& opened_by)
        : source_(RestoreSource::find(source)), layout_(std::move(layout)), options_(options), opened_by_(opened_by) {
        if (source_.is_store) source_catalog_store();
        manager::refuse_inside_any_store(layout_.base);
        if (!options.payloads.empty()) {
            manager::refuse_inside_any_store(options.payloads);
            payload_root_ = manager::layout_of(options.payloads).base.string();
        }
    }

    RestoreReport run() {
        const auto before = catalog::load_store(*sqlite::open_at_rest(source_.catalog));
        const blobs::Modes modes{before.group_access};
        manager::NewFolder folder(layout_, payload_root_, before.store_id, modes);
        refuse_network(layout_.storage());
        DraftCatalog catalog(source_, layout_);
        const auto left = catalog.open(modes.file());
        blobs::BlobStore target(payload_root_ ? std::filesystem::path(*payload_root_) : layout_.storage(), modes);
        target.create();
        restore_payloads(catalog.connection(), target);
        report_.store_id = before.store_id;
        report_.epoch = blobs::random_hex(epoch_bytes);
        report_.left_epoch = left.epoch;
        report_.left_size = left.tree_size;
        report_.left_root = left.root;
        auto& connection = catalog.connection();
        connection.execute("BEGIN IMMEDIATE");
        const auto verified_at = mark_restored(connection);
        begin_epoch(connection, before.phi_guard, catalog.version_before(), verified_at);
        connection.execute("COMMIT");
        catalog.publish();
        folder.keep();
        return std::move(report_);
    }

   private:
    // Where a store kept its payloads elsewhere, they may still be there.
    void source_catalog_store() {
        const auto store = catalog::load_store(*sqlite::open_at_rest(source_.catalog));
        if (store.payload_root) source_.payload_root = *store.payload_root;
    }

    static void refuse_network(const std::filesystem::path& folder) {
        const auto type = blobs::network_file_system(folder);
        if (!type.empty()) {
            throw InvalidArgument("the catalog can't be kept on " + type + " (" + folder.string() +
                                  "): its locks are not safe there. Restore to a local disk; only payloads may be elsewhere "
                                  "(--payloads DIR)");
        }
    }

    void restore_payloads(sqlite::Connection& connection, blobs::BlobStore& target) {
        std::vector<catalog::PayloadRow> rows;
        std::uint64_t total = 0;
        catalog::for_each_payload(connection, [&](const catalog::PayloadRow& row) {
            if (!row.present) return;
            rows.push_back(row);
            total += row.size_bytes;
        });
        const bool has_payloads = !source_.manifest || source_.manifest->has_payloads;
        if (!has_payloads && !rows.empty() && !options_.accept_missing) {
            throw Corruption("nothing was restored: the backup is of the catalog alone, without its " +
                             std::to_string(rows.size()) +
                             " payloads. Accept that they are missing (--accept-missing), or name another backup");
        }
        const blobs::BlobStore from(source_.payload_root, blobs::Modes{});
        manager::PayloadCopies copies(from, target, true, [&](const auto& row, const auto& copy) { tell_of(row, copy); });
        std::uint64_t before = 0;
        for (const auto& row : rows) {
            copies.copy(row, [&](std::uint64_t bytes) {
                if (options_.progress) options_.progress(before + bytes, total);
            });
            before += row.size_bytes;
        }
        copies.finish();
        if (report_.payloads_missing == 0 || options_.accept_missing) return;
        throw Corruption("nothing was restored: " + std::to_string(report_.payloads_missing) + " of " +
                         std::to_string(rows.size()) + " payloads are missing or damaged in the source: " +
                         first_of(report_.findings) + ". Accept that with --accept-missing");
    }

    void tell_of(const catalog::PayloadRow& row, const manager::PayloadCopy& copy) {
        using Outcome = manager::PayloadCopy::Outcome;
        if (copy.outcome == Outcome::copied || copy.outcome == Outcome::there) {
            ++report_.payloads;
            report_.bytes += row.size_bytes;
            restored_.emplace_back(row.digest, copy.mtime_ns);
            return;
        }
        const auto* const kind = copy.outcome == Outcome::missing ? "payload_missing" : "payload_altered";
        if (++report_.payloads_missing <= most_findings) {
            report_.findings.push_back({Severity::warning, kind, row.digest.hex(), copy.message});
        }
    }

    // Their files are new, and their times with them.
    Timestamp mark_restored(sqlite::Connection& connection) {
        const auto now = Timestamp::now();
        for (const auto& [digest, mtime_ns] : restored_) catalog::mark_verified(connection, digest, mtime_ns, now);
        return now;
    }

    [[nodiscard]] audit::Draft draft(const char* operation, const char* action) const {
        audit::Draft draft{
            .operation = operation, .action = action, .user = opened_by_.actor.empty() ? agent_.os_user : opened_by_.actor};
        if (!opened_by_.on_behalf_of.empty()) draft.on_behalf_of = opened_by_.on_behalf_of;
        if (!opened_by_.purpose.empty()) draft.purpose = opened_by_.purpose;
        return draft;
    }

    // The first entry says which head was left, and why: so a rollback that was declared is told from a hidden one. Whoever has
    // pinned the key in use can go on: it is the same key under the new epoch's name.
    void begin_epoch(sqlite::Connection& connection, bool phi_guard, int version_before, const Timestamp& verified_at) {
        const auto reason = base::to_clean_utf8(options_.reason);
        const auto key = audit::current_key(connection, report_.left_epoch);
        catalog::begin_epoch(connection, report_.epoch, payload_root_);
        audit::Writer writer(connection, agent_, opened_by_.accept_clock ? audit::ClockJump::accept : audit::ClockJump::refuse);
        auto epoch = draft("audit_trail", "epoch");
        epoch.details = {{"epoch", report_.epoch},
                         {"left_epoch", report_.left_epoch},
                         {"left_size", report_.left_size},
                         {"left_root", report_.left_root->hex()},
                         {"reason", phi_guard ? base::withhold_phi(reason) : reason}};
        writer.append(epoch);
        if (key) carry_over(connection, writer, *key);
        auto restore = draft("store", "restore");
        restore.details = {{"epoch", report_.epoch},
                           {"source_path", base::to_clean_utf8(source_.catalog.string())},
                           {"payload_root", payload_root_ ? json(*payload_root_) : json(nullptr)},
                           {"payloads", report_.payloads},
                           {"payloads_missing", report_.payloads_missing},
                           {"from_version", version_before},
                           {"to_version", sqlite::newest_version()}};
        if (!restored_.empty()) restore.details["verified_at"] = verified_at.str();
        if (version_before < sqlite::newest_version()) manager::add_schema_facts(connection, restore.details);
        writer.append(restore);
        writer.finish();
    }

    void carry_over(sqlite::Connection& connection, audit::Writer& writer, const audit::KeyRow& key) {
        const auto old_name = audit::VerifierKey::parse(key.verifier_key);
        if (!old_name) throw Corruption("nothing was restored: the key in use is no verifier key");
        const audit::TrailName trail{report_.store_id, report_.epoch};
        auto entry = draft("audit_trail", "key");
        entry.details = audit::key_details(trail, old_name->public_key, nullptr);
        const auto seq = writer.append(entry);
        audit::insert_key(connection, {trail.epoch, key.public_key, entry.details.at("verifier_key"), seq});
    }

    RestoreSource source_;
    manager::Layout layout_;
    const RestoreOptions& options_;
    const ManagerOptions& opened_by_;
    base::Agent agent_ = base::current_agent(opened_by_.program);
    std::optional<std::string> payload_root_;
    std::vector<std::pair<Digest, std::int64_t>> restored_;
    RestoreReport report_;
};

}  // namespace

RestoreReport ArtifactManager::restore(const std::filesystem::path& source, const std::filesystem::path& destination,
                                       const RestoreOptions& options, const ManagerOptions& opened_by) {
    manager::require_text(opened_by.actor, "the actor", 255);
    manager::require_text(opened_by.on_behalf_of, "on_behalf_of", 255);
    manager::require_text(opened_by.purpose, "the purpose", 1024);
    if (options.reason.empty()) throw InvalidArgument("a restore needs a reason: it begins a new epoch of the trail");
    auto report = Restore(source, manager::layout_of(destination), options, opened_by).run();
    auto check = opened_by;
    check.create = false;
    const ArtifactManager usable(destination, std::move(check));  // what is there must be a store that works
    return report;
}

ordered_json to_json(const RestoreReport& report) {
    ordered_json form;
    form["findings"] = ordered_json::array();
    for (const auto& finding : report.findings) form["findings"].push_back(to_json(finding));
    form["store_id"] = report.store_id;
    form["epoch"] = report.epoch;
    form["left_epoch"] = report.left_epoch;
    form["left_size"] = report.left_size;
    form["left_root"] = report.left_root ? ordered_json(report.left_root->hex()) : ordered_json(nullptr);
    form["payloads"] = report.payloads;
    form["payloads_missing"] = report.payloads_missing;
    form["bytes"] = report.bytes;
    return form;
}

}  // namespace custody
