#pragma once

#include <custody/maintenance.hpp>
#include <vector>

namespace custody {
class ManagerImpl;
}

namespace custody::manager {

// Doctor's look at what a store stands on.

/// The SQLite in use, whether it needs the guard and has it, and whether there is a second one in the process.
DoctorCheck check_sqlite(ManagerImpl& manager);
/// The file systems of catalog and payloads: their type, whether they can be written, and whether the catalog's is a local one.
DoctorCheck check_file_system(const char* name, const std::filesystem::path& folder, bool is_catalog);
/// Who holds the lock for writing at this moment.
DoctorCheck check_lock(ManagerImpl& manager);
/// Modes and owners of the store's own folders and of the catalog.
DoctorCheck check_permissions(ManagerImpl& manager);
/// What processes that died left.
DoctorCheck check_leftovers(ManagerImpl& manager);

}  // namespace custody::manager
