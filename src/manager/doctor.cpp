// The state of machine and store, with the next command to run.

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <custody/artifact_manager.hpp>

#include "audit/checkpoints.hpp"
#include "audit/clock.hpp"
#include "audit/table.hpp"
#include "manager/machine_checks.hpp"
#include "manager/manager_impl.hpp"
#include "manager/payload_root.hpp"
#include "sqlite/migrations.hpp"
#include "sqlite/wal_holders.hpp"

namespace custody {

namespace {

using Severity = Finding::Severity;

constexpr std::uint64_t little_space_bytes = 1ULL << 30U;
constexpr std::uint64_t no_space_bytes = 16ULL << 20U;  // the catalog's log alone may want as much
constexpr std::uint64_t large_wal_bytes = 64ULL << 20U;

DoctorCheck fine(const char* name, std::string message) { return {name, Severity::note, std::move(message), {}}; }

DoctorCheck check_schema(ManagerImpl& manager) {
    const auto& differences = manager.database().schema_differences();
    const auto version = std::to_string(manager.database().version());
    if (!differences.empty()) {
        return {"schema", Severity::error,
                "altered: " + differences.front() +
                    (differences.size() > 1 ? " (and " + std::to_string(differences.size() - 1) + " more)" : ""),
                "custody verify"};
    }
    if (manager.database().version() < sqlite::newest_version()) {
        return {"schema", Severity::warning, "version " + version + " is older than this program's", "custody migrate"};
    }
    return fine("schema", "version " + version + ", unaltered");
}

DoctorCheck check_space(const char* name, const std::filesystem::path& folder) {
    struct statvfs space {};
    if (::statvfs(folder.c_str(), &space) != 0) {
        return {name, Severity::error, "can't look at " + folder.string(), "ls -ld " + folder.string()};
    }
    const auto free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
    const auto text = std::to_string(free_bytes >> 20U) + " MiB free at " + folder.string();
    const auto severity = free_bytes < no_space_bytes ? Severity::error : Severity::warning;
    if (free_bytes < little_space_bytes) return {name, severity, text, "custody cleanup --older-than DAYS --dry-run"};
    return fine(name, text);
}

DoctorCheck check_payload_folder(const std::filesystem::path& folder) {
    if (manager::has_payload_marker(folder)) return fine("payload folder", "says that it is this store's");
    return {"payload folder", Severity::error,
            folder.string() + " does not say that it is this store's: its disk is not mounted, or the file custody-store is gone",
            "findmnt -T " + folder.string()};
}

DoctorCheck check_writable(ManagerImpl& manager) {
    const auto& catalog = manager.layout().catalog();
    if (manager.database().writable()) return fine("catalog", "can be written");
    if (manager.database().version() < sqlite::newest_version()) return fine("catalog", "is only read before it is upgraded");
    if (!manager.database().schema_differences().empty()) {
        return {"catalog", Severity::error, "is left as it is, because its schema was altered", "custody verify"};
    }
    struct statvfs space {};
    if (::statvfs(catalog.c_str(), &space) == 0 && (space.f_flag & ST_RDONLY) != 0) {
        return {"catalog", Severity::error,
                "is on read-only media: custody records reads too, so nothing but verify and doctor works here",
                "sqlite3 -readonly " + catalog.string()};
    }
    struct stat status {};
    if (::stat(catalog.c_str(), &status) == 0 && status.st_uid != manager.agent().uid) {
        const auto owner = base::account_name(status.st_uid);
        return {"catalog", Severity::error, "belongs to " + owner + ", and this account is " + manager.agent().os_user,
                "sudo -u " + owner + " custody doctor"};
    }
    return {"catalog", Severity::error, "can only be read: look at its permissions", "ls -l " + catalog.string()};
}

DoctorCheck check_trash(const ManagerImpl& manager) {
    const auto usage = manager.blobs().trash_usage();
    if (usage.files == 0) return fine("trash", "empty");
    return fine("trash", std::to_string(usage.files) + (usage.files == 1 ? " file, " : " files, ") +
                             std::to_string(usage.size_bytes >> 20U) +
                             " MiB: freed an hour after the removal, by the next cleanup or gc");
}

DoctorCheck check_wal(const ManagerImpl& manager) {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(manager.layout().catalog().string() + "-wal", ignored);
    if (ignored || size < large_wal_bytes) return fine("wal", "small");
    const auto holders = sqlite::wal_holders(manager.layout().catalog());
    return {"wal", Severity::warning,
            std::to_string(size >> 20U) +
                " MiB: " + (holders.empty() ? "a reader has kept the catalog open for long" : holders + " holds it"),
            "fuser " + manager.layout().catalog().string()};
}

DoctorCheck check_runs(ManagerImpl& manager) {
    std::size_t open = 0;
    std::size_t lost = 0;
    manager.database().read([&](sqlite::Connection& connection) {
        const auto now = Timestamp::now();
        const auto runs = catalog::open_runs(connection);
        open = runs.size();
        lost = static_cast<std::size_t>(std::count_if(runs.begin(), runs.end(), [&](const auto& run) {
            return (run.expires_at && *run.expires_at <= now) || (run.owner && base::is_gone(*run.owner));
        }));
    });
    if (open == 0) return fine("runs", "none unfinished");
    if (lost == 0) return {"runs", Severity::note, std::to_string(open) + " unfinished", "custody run list"};
    return {"runs", Severity::note,
            std::to_string(open) + " unfinished, of which " + std::to_string(lost) +
                " lost their process or their time; they end as failed at the next opening",
            "custody run list"};
}

DoctorCheck check_clock(ManagerImpl& manager) {
    std::string newest;
    manager.database().read([&](sqlite::Connection& connection) {
        const auto last = audit::last_seq(connection);
        if (last > 0) newest = json::parse(audit::entry_at(connection, last).line).at("timestamp").get<std::string>();
    });
    std::chrono::milliseconds ahead{0};
    if (manager.database().version() == sqlite::newest_version()) {
        manager.database().read([&](sqlite::Connection& connection) { ahead = audit::clock_ahead(connection); });
    }
    if (ahead >= std::chrono::hours(24)) {
        return {"clock", Severity::error,
                "has jumped " + std::to_string(ahead.count() / 3600000) +
                    " hours ahead since the store was first used in this boot: " + "nothing is written until it is set right",
                "custody --accept-clock stats (if it is right now; kept in the audit trail)"};
    }
    const auto now = Timestamp::now().str();
    if (newest > now)
        return {"clock", Severity::warning, "the newest entry is of " + newest + ", later than now: the clock went back",
                "timedatectl status"};
    return fine("clock", "newest entry " + (newest.empty() ? "none" : newest));
}

DoctorCheck check_key(ManagerImpl& manager) {
    if (manager.database().version() < sqlite::newest_version()) return fine("key", "is looked at after the upgrade");
    std::optional<audit::KeyRow> key;
    std::optional<audit::CheckpointRow> sealed;
    std::int64_t last = 0;
    manager.database().read([&](sqlite::Connection& connection) {
        key = audit::current_key(connection, manager.store().epoch);
        sealed = audit::latest_checkpoint(connection, manager.store().epoch, 0);
        last = audit::last_seq(connection);
    });
    if (!key) return {"key", Severity::note, "none: the trail is not sealed", "custody audit keygen --out FILE"};
    const auto reach =
        sealed ? "sealed to entry " + std::to_string(sealed->size) + " of " + std::to_string(last) : std::string("never sealed");
    return {"key", Severity::note,
            key->verifier_key + "; the trail is " + reach + ". Is there a copy of the key's file in a safe place?",
            "custody audit seal --signing-key FILE"};
}

template <class Check>
void run(std::vector<DoctorCheck>& checks, const char* name, Check&& check) {
    try {
        checks.push_back(check());
    } catch (const std::exception& error) {
        checks.push_back({name, Severity::error, error.what(), "custody verify"});
    }
}

}  // namespace

std::vector<DoctorCheck> ArtifactManager::doctor() {
    auto& opened = *impl_;
    std::vector<DoctorCheck> checks;
    run(checks, "schema", [&] { return check_schema(opened); });
    run(checks, "catalog", [&] { return check_writable(opened); });
    run(checks, "sqlite", [&] { return manager::check_sqlite(opened); });
    run(checks, "file system", [&] { return manager::check_file_system("file system", opened.storage_path(), true); });
    if (opened.store().payload_root) {
        run(checks, "payload file system",
            [&] { return manager::check_file_system("payload file system", opened.blobs().root(), false); });
    }
    run(checks, "permissions", [&] { return manager::check_permissions(opened); });
    run(checks, "space", [&] { return check_space("space", opened.storage_path()); });
    if (opened.store().payload_root) {
        run(checks, "payloads", [&] { return check_space("payloads", opened.blobs().root()); });
        run(checks, "payload folder", [&] { return check_payload_folder(opened.blobs().root()); });
    }
    run(checks, "trash", [&] { return check_trash(opened); });
    run(checks, "wal", [&] { return check_wal(opened); });
    run(checks, "lock", [&] { return manager::check_lock(opened); });
    run(checks, "leftovers", [&] { return manager::check_leftovers(opened); });
    run(checks, "runs", [&] { return check_runs(opened); });
    run(checks, "clock", [&] { return check_clock(opened); });
    run(checks, "key", [&] { return check_key(opened); });
    return checks;
}

}  // namespace custody
