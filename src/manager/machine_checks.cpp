#include "manager/machine_checks.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "blobs/file_system.hpp"
#include "manager/leftovers.hpp"
#include "manager/manager_impl.hpp"
#include "sqlite/engine.hpp"
#include "sqlite/wal_holders.hpp"

namespace custody::manager {

namespace {

using Severity = Finding::Severity;

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& text : texts) all += (all.empty() ? "" : ", ") + text;
    return all;
}

std::string octal(unsigned mode) {
    std::string digits;
    for (int shift = 9; shift >= 0; shift -= 3) digits += static_cast<char>('0' + ((mode >> static_cast<unsigned>(shift)) & 7U));
    return digits;
}

// What the account can't reach is somebody else's to look at.
std::vector<std::filesystem::path> own_places(const ManagerImpl& manager) {
    const auto& layout = manager.layout();
    const auto& root = manager.blobs().root();
    const auto catalog = layout.catalog().string();
    return {layout.base,    layout.storage(), layout.temp(),    layout.audit(),  root / "blobs",
            root / "trash", catalog,          catalog + "-wal", catalog + "-shm"};
}

}  // namespace

DoctorCheck check_sqlite(ManagerImpl& manager) {
    const auto engines = sqlite::engines_in_process();
    const auto version = "SQLite " + sqlite::engine_version();
    if (engines.size() > 1) {
        return {"sqlite", Severity::error,
                version + ", and there is more than one SQLite in this process (" + joined(engines) +
                    "): where two open the catalog they lose each other's locks, and then commits. Link one alone",
                "ldd " + engines.front()};
    }
    bool guarded = false;
    manager.database().read([&](sqlite::Connection& connection) { guarded = sqlite::is_guarded(connection); });
    if (!sqlite::has_wal_reset_bug()) return {"sqlite", Severity::note, version + ", the only one in this process", {}};
    if (!guarded) {
        return {"sqlite", Severity::error,
                version + " has the WAL-reset bug, and the guard against it is off: stop writing to this store",
                "custody --version"};
    }
    return {"sqlite",
            Severity::note,
            version +
                ", the only one in this process; it has the WAL-reset bug, and the guard against it is on. Other programs "
                "must not make checkpoints: let reviewers open the catalog with -readonly",
            {}};
}

DoctorCheck check_file_system(const char* name, const std::filesystem::path& folder, bool is_catalog) {
    const auto system = blobs::file_system_of(folder);
    const auto network = blobs::network_file_system(folder);
    const auto text =
        (system.type.empty() ? std::string("unknown") : system.type) + " (" + system.source + " on " + system.mount_point + ")";
    if (is_catalog && !network.empty()) {
        return {name, Severity::error,
                text + ": locks are not safe there; restore the store to a local disk, --payloads may stay",
                "custody backup DIR"};
    }
    if (system.read_only) return {name, Severity::error, text + ", mounted read-only", "findmnt -T " + folder.string()};
    return {name, Severity::note, text + (network.empty() ? "" : ", a network file system"), {}};
}

DoctorCheck check_lock(ManagerImpl& manager) {
    const auto& catalog = manager.layout().catalog();
    const auto holders = sqlite::write_lock_holders(catalog);
    if (holders.empty()) return {"lock", Severity::note, "nobody is writing at this moment", {}};
    return {"lock", Severity::note, holders + " holds the lock for writing at this moment",
            "fuser -v " + catalog.string() + " (if it stays so)"};
}

DoctorCheck check_permissions(ManagerImpl& manager) {
    struct stat base {};
    const auto& group = manager.store().group_access;
    if (::stat(manager.storage_path().c_str(), &base) != 0) {
        return {"permissions", Severity::error, "can't look at " + manager.storage_path().string(),
                "ls -ld " + manager.storage_path().string()};
    }
    for (const auto& place : own_places(manager)) {
        struct stat status {};
        if (::lstat(place.c_str(), &status) != 0) continue;
        const unsigned mode = status.st_mode & 07777U;
        const unsigned wanted = S_ISDIR(status.st_mode) ? blobs::Modes{group}.folder() : blobs::Modes{group}.file();
        if ((mode & ~wanted & 0777U) != 0) {
            return {"permissions", Severity::warning,
                    place.string() + " has mode " + octal(mode) + ": it is open to people it was not made for",
                    "chmod " + octal(wanted) + " " + place.string()};
        }
        if (status.st_uid != base.st_uid && !group) {
            return {"permissions", Severity::warning,
                    place.string() + " belongs to " + base::account_name(status.st_uid) + ", and the store to " +
                        base::account_name(base.st_uid),
                    "sudo chown " + base::account_name(base.st_uid) + " " + place.string()};
        }
    }
    return {"permissions", Severity::note, group ? "open to its group" : "open to its owner alone", {}};
}

DoctorCheck check_leftovers(ManagerImpl& manager) {
    const auto left = leftovers(manager.layout()).size();
    if (left == 0) return {"leftovers", Severity::note, "none", {}};
    return {"leftovers", Severity::note, std::to_string(left) + " of processes that died; they go at the next opening",
            "custody stats"};
}

}  // namespace custody::manager
