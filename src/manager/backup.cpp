// A store copied into a folder of its own, while others go on writing.

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <custody/artifact_manager.hpp>
#include <thread>

#include "blobs/durable.hpp"
#include "catalog/payloads.hpp"
#include "manager/backup_folder.hpp"
#include "manager/copy_check.hpp"
#include "manager/manager_impl.hpp"
#include "manager/payload_copy.hpp"
#include "sqlite/copy.hpp"

namespace custody {

namespace {

using manager::BackupFolder;
using manager::Head;
using manager::Manifest;
using Severity = Finding::Severity;

constexpr unsigned folder_mode = 0700;
constexpr unsigned file_mode = 0600;
/// So often the catalog is copied anew because payloads of the last copy were removed meanwhile.
constexpr int most_attempts = 10;
constexpr std::chrono::milliseconds between_attempts{50};

void rename_file(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (::rename(from.c_str(), to.c_str()) == 0) return;
    const int code = errno;
    throw IoError("can't rename " + from.string() + " to " + to.string() + ": " + std::strerror(code), code);
}

void keep_file(const std::filesystem::path& file, const std::filesystem::path& under) {
    if (::link(file.c_str(), under.c_str()) == 0 || errno == EEXIST) return;
    std::error_code code;  // a file system without hard links
    std::filesystem::copy_file(file, under, code);
    if (code) throw IoError("can't keep " + file.string() + " as " + under.string() + ": " + code.message(), code.value());
}

class Backup {
   public:
    Backup(ManagerImpl& manager, const BackupFolder& folder, const BackupOptions& options)
        : manager_(manager),
          folder_(folder),
          options_(options),
          // Safe for its owner alone, whoever may read the store.
          target_(folder.root, blobs::Modes{false}) {}

    BackupReport run() {
        open_folder();
        const auto tell = [&] {
            if (options_.progress) options_.progress(0, 0);
        };
        const auto alone = blobs::lock_folder(folder_.root, manager_.options().lock_timeout, tell);
        report_.store_id = manager_.store().store_id;
        before_ = claim();
        // Payloads that a backup which was killed was copying, where open files can't be named.
        blobs::sweep_temporary_files(folder_.root / "trash", false, [](const blobs::Swept&) {});
        bool removed_meanwhile = copy_all();
        for (int attempt = 2; removed_meanwhile && attempt < most_attempts; ++attempt) {
            std::this_thread::sleep_for(between_attempts);  // so that a cleanup that is at work gets done
            removed_meanwhile = copy_all();
        }
        if (removed_meanwhile) copy_while_nobody_writes();
        check_and_place();
        ::rmdir((folder_.root / "trash").c_str());  // scratch space; where it is not empty it stays
        return std::move(report_);
    }

   private:
    void add(Severity severity, const char* kind, const std::string& subject, const std::string& message) {
        report_.findings.push_back({severity, kind, subject, message});
    }

    void open_folder() {
        blobs::make_parents(folder_.root);
        blobs::make_folder(folder_.root, folder_mode);
    }

    // Two stores in one folder would mix their payloads, and one would take the other's place.
    std::optional<Manifest> claim() {
        const auto there = Manifest::read(folder_.manifest());
        if (there && there->store_id != report_.store_id) {
            throw InvalidArgument(folder_.root.string() + " has the backup of another store, " + there->store_id +
                                  ": name another folder");
        }
        if (there && there->complete && there->has_payloads && options_.catalog_only) {
            throw InvalidArgument(folder_.root.string() +
                                  " has a backup with payloads, and one of the catalog alone would take its place: name another "
                                  "folder, or leave out --catalog-only");
        }
        if (!there) {
            if (!std::filesystem::is_empty(folder_.root)) {
                throw InvalidArgument(folder_.root.string() + " is not empty, and no backup of this store: name another folder");
            }
            manager::write_manifest(folder_, {{"version", 1}, {"store_id", report_.store_id}, {"complete", false}});
        }
        if (!options_.catalog_only) target_.create();
        return there && there->complete ? there : std::nullopt;
    }

    void copy_catalog() {
        manager_.database().read([&](sqlite::Connection& connection) {
            ::unlink(folder_.draft().c_str());  // of a backup that was killed, or of an attempt before
            sqlite::copy_pages(connection, folder_.draft(), file_mode);
        });
        rows_.clear();
        const auto copy = sqlite::open_at_rest(folder_.draft());
        try {
            catalog::for_each_payload(*copy, [&](const catalog::PayloadRow& row) {
                if (row.present) rows_.push_back(row);
            });
        } catch (const Corruption& error) {
            add(Severity::error, "database_damaged", "catalog.db", error.what());
        }
        report_.payloads = rows_.size();
    }

    // Whether a cleanup has removed it since the copy was made, or is just doing so (it takes the references first), or whether
    // it was made anew.
    bool was_removed(const Digest& digest) {
        bool needed = false;
        manager_.database().read([&](sqlite::Connection& connection) {
            const auto row = catalog::find_payload(connection, digest);
            needed = row && row->present && catalog::is_referenced(connection, digest);
        });
        return !needed || manager_.blobs().stat(digest).has_value();
    }

    // Answers whether a payload was removed meanwhile, so that the catalog has to be copied anew: every one that the backup
    // names is to be in it.
    bool copy_all() {
        copy_catalog();
        return !options_.catalog_only && copy_payloads();
    }

    // Where cleanups go on without a pause. What is left to be copied by now is what is new since the last attempt.
    void copy_while_nobody_writes() {
        auto& database = manager_.database();
        try {
            if (database.writable()) return database.write([&](sqlite::Connection&) { (void)copy_all(); });
        } catch (const Busy&) {
            // Then as the attempts before.
        }
        (void)copy_all();
    }

    bool copy_payloads() {
        const auto is_there = [&](const catalog::PayloadRow& row) {
            const auto there = target_.stat(row.digest);
            return !options_.rehash && there && there->size_bytes == row.size_bytes;
        };
        std::uint64_t total = 0;
        for (const auto& row : rows_) total += is_there(row) ? 0 : row.size_bytes;
        std::erase_if(report_.findings, [](const Finding& finding) { return finding.kind.starts_with("payload_"); });
        bool removed_meanwhile = false;
        manager::PayloadCopies copies(manager_.blobs(), target_, options_.rehash, [&](const auto& row, const auto& copy) {
            if (!tell_of(row, copy)) removed_meanwhile = true;
        });
        std::uint64_t before = 0;
        for (const auto& row : rows_) {
            std::uint64_t here = 0;
            copies.copy(row, [&](std::uint64_t bytes) {
                here = bytes;
                if (options_.progress) options_.progress(before + bytes, total);
            });
            before += here;
        }
        copies.finish();
        return removed_meanwhile;
    }

    // False where it was removed meanwhile.
    bool tell_of(const catalog::PayloadRow& row, const manager::PayloadCopy& copy) {
        using Outcome = manager::PayloadCopy::Outcome;
        if (copy.outcome == Outcome::copied) {
            ++report_.payloads_copied;
            report_.bytes_copied += row.size_bytes;
        } else if (copy.outcome == Outcome::damaged) {
            add(Severity::error, "payload_altered", row.digest.hex(), copy.message);
        } else if (copy.outcome == Outcome::missing) {
            if (was_removed(row.digest)) {
                add(Severity::warning, "payload_removed", row.digest.hex(), "removed while the backup was made");
                return false;
            }
            add(Severity::error, "payload_missing", row.digest.hex(), copy.message);
        }
        return true;
    }

    // The copy takes its place where it is sound. A damaged one must not take that of a good one.
    void check_and_place() {
        bool sound = false;
        std::optional<Head> head;
        {
            const auto copy = sqlite::open_at_rest(folder_.draft());
            std::vector<Finding> found;
            head = manager::check_copy(*copy, found);
            sound = found.empty() && head;
            if (found.empty() && !head) found.push_back({Severity::error, "no_tree", "trail", "run `custody migrate` first"});
            report_.findings.insert(report_.findings.end(), found.begin(), found.end());
            if (sound && before_ && !manager::continues(*copy, before_->tree_size, *before_->root)) keep_before();
        }
        if (head) {
            report_.epoch = head->epoch;
            report_.tree_size = head->tree_size;
            report_.root = head->root;
        }
        rename_file(folder_.draft(), sound ? folder_.catalog() : folder_.damaged_catalog());
        blobs::sync_folder(folder_.root);
        if (!sound) return;
        manager::write_manifest(folder_, describe(*head));
        report_.complete = true;
    }

    // What this backup does not continue is another history: the store was restored or rolled back since.
    void keep_before() {
        const auto kept = folder_.aside("catalog.db", *before_);
        // Under a second name: until the new ones are in their places, the old ones are.
        keep_file(folder_.catalog(), kept);
        keep_file(folder_.manifest(), folder_.aside("backup.json", *before_));
        blobs::sync_folder(folder_.root);  // before the old names go
        add(Severity::warning, "history_kept", kept.string(),
            "the backup before this one has entries that the store hasn't: it is kept under this name");
    }

    [[nodiscard]] ordered_json describe(const Head& head) const {
        ordered_json missing = ordered_json::array();
        std::uint64_t bytes = 0;
        for (const auto& row : rows_) bytes += row.size_bytes;
        for (const auto& finding : report_.findings) {
            if (finding.kind.starts_with("payload_")) missing.push_back(finding.subject);
        }
        return {{"version", 1},
                {"store_id", report_.store_id},
                {"complete", true},
                {"made_at", Timestamp::now().str()},
                {"made_by", std::string("custody ") + version()},
                {"catalog", "catalog.db"},
                {"payloads", options_.catalog_only ? ordered_json(nullptr) : ordered_json("blobs")},
                {"payload_count", rows_.size()},
                {"payload_bytes", bytes},
                {"missing", missing},
                {"epoch", head.epoch},
                {"tree_size", head.tree_size},
                {"root", head.root.hex()},
                {"checkpoint", head.checkpoint ? ordered_json(*head.checkpoint) : ordered_json(nullptr)}};
    }

    ManagerImpl& manager_;
    const BackupFolder& folder_;
    const BackupOptions& options_;
    blobs::BlobStore target_;
    std::optional<Manifest> before_;
    std::vector<catalog::PayloadRow> rows_;
    BackupReport report_;
};

BackupFolder folder_of(ManagerImpl& manager, const std::filesystem::path& folder) {
    manager.refuse_inside_store(folder, "a backup");
    manager.refuse_own(folder);
    return {manager::layout_of(folder).base};
}

}  // namespace

bool BackupReport::ok() const noexcept {
    return std::none_of(findings.begin(), findings.end(),
                        [](const Finding& finding) { return finding.severity == Severity::error; });
}

BackupReport ArtifactManager::backup(const std::filesystem::path& folder, const BackupOptions& options) {
    impl_->flush_reads();
    auto draft = impl_->draft("store", "backup");
    draft.details["catalog_only"] = options.catalog_only;
    auto report = impl_->attempt(draft, [&] {
        const auto into = folder_of(*impl_, folder);
        return Backup(*impl_, into, options).run();
    });
    // A store that is altered or damaged, or can't be written, is left as it is, and the report says so.
    if (!report.ok() || !impl_->database().writable()) return report;
    draft.details.update({{"epoch", report.epoch},
                          {"tree_size", report.tree_size},
                          {"root", report.root->hex()},
                          {"payloads", report.payloads},
                          {"payloads_copied", report.payloads_copied},
                          {"bytes_copied", report.bytes_copied}});
    try {
        impl_->attempt(draft, [&] { impl_->record(draft); });
        report.audited = true;
    } catch (const Error& error) {
        report.findings.push_back({Severity::warning, "not_audited", "backup", error.what()});
    }
    return report;
}

ordered_json to_json(const BackupReport& report) {
    ordered_json form;
    form["ok"] = report.ok();
    form["complete"] = report.complete;
    form["findings"] = ordered_json::array();
    for (const auto& finding : report.findings) form["findings"].push_back(to_json(finding));
    form["store_id"] = report.store_id;
    form["epoch"] = report.epoch;
    form["tree_size"] = report.tree_size;
    form["root"] = report.root ? ordered_json(report.root->hex()) : ordered_json(nullptr);
    form["payloads"] = report.payloads;
    form["payloads_copied"] = report.payloads_copied;
    form["bytes_copied"] = report.bytes_copied;
    form["audited"] = report.audited;
    return form;
}

}  // namespace custody
