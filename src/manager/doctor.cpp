// The state of machine and store, with the next command to run.

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <custody/artifact_manager.hpp>

#include "audit/checkpoints.hpp"
#include "audit/clock.hpp"
#include "audit/table.hpp"
#include "manager/manager_impl.hpp"
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
                "altered: " + differences.front() + " (and " + std::to_string(differences.size() - 1) + " more)",
                "custody verify"};
    }
    if (manager.database().version() < sqlite::newest_version()) {
        return {"schema", Severity::warning, "version " + version + " is older than this program's", "custody migrate"};
    }
    return fine("schema", "version " + version + ", unaltered");
}

DoctorCheck check_space(const char* name, const std::filesystem::path& folder) {
    struct statvfs space {};
    if (::statvfs(folder.c_str(), &space) != 0) return {name, Severity::error, "can't look at " + folder.string(), {}};
    const auto free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
    const auto text = std::to_string(free_bytes >> 20U) + " MiB free at " + folder.string();
    if ((space.f_flag & ST_RDONLY) != 0) return {name, Severity::error, folder.string() + " is mounted read-only", {}};
    const auto severity = free_bytes < no_space_bytes ? Severity::error : Severity::warning;
    if (free_bytes < little_space_bytes) return {name, severity, text, "custody cleanup --older-than DAYS --dry-run"};
    return fine(name, text);
}

DoctorCheck check_permissions(const ManagerImpl& manager) {
    const auto& store = manager.storage_path();
    struct stat status {};
    if (::stat(store.c_str(), &status) != 0) return {"permissions", Severity::error, "can't look at " + store.string(), {}};
    const unsigned mode = status.st_mode & 07777U;
    const bool open_to_others = (mode & 07U) != 0 || (!manager.store().group_access && (mode & 070U) != 0);
    if (open_to_others) {
        return {"permissions", Severity::warning, store.string() + " is open to people it was not made for",
                std::string("chmod ") + (manager.store().group_access ? "2770 " : "0700 ") + store.string()};
    }
    return fine("permissions", manager.store().group_access ? "open to its group" : "open to its owner alone");
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
                             " MiB: freed an hour after the removal, by whichever command comes next");
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
    manager.database().read([&](sqlite::Connection& connection) { open = catalog::open_runs(connection).size(); });
    if (open == 0) return fine("runs", "none unfinished");
    return {"runs", Severity::note, std::to_string(open) + " unfinished", "custody run list"};
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
        return {"clock", Severity::warning, "the newest entry is of " + newest + ", later than now: the clock went back", {}};
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
    auto& manager = *impl_;
    std::vector<DoctorCheck> checks;
    run(checks, "schema", [&] { return check_schema(manager); });
    run(checks, "catalog", [&] { return check_writable(manager); });
    run(checks, "permissions", [&] { return check_permissions(manager); });
    run(checks, "space", [&] { return check_space("space", manager.storage_path()); });
    if (manager.store().payload_root) run(checks, "payloads", [&] { return check_space("payloads", manager.blobs().root()); });
    run(checks, "trash", [&] { return check_trash(manager); });
    run(checks, "wal", [&] { return check_wal(manager); });
    run(checks, "runs", [&] { return check_runs(manager); });
    run(checks, "clock", [&] { return check_clock(manager); });
    run(checks, "key", [&] { return check_key(manager); });
    return checks;
}

}  // namespace custody
