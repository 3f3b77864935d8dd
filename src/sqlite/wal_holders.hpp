#pragma once

#include <filesystem>
#include <string>

namespace custody::sqlite {

/// Which other processes read the database at this moment, so that its log can't begin anew: "process 812 (sqlite3)", several
/// with commas between; empty where there is none, or where it can't be told. Looks at the locks that the kernel lists
/// (/proc/locks), and never opens a file of the database.
std::string wal_holders(const std::filesystem::path& file);

/// The same of those that hold the lock for writing at this moment.
std::string write_lock_holders(const std::filesystem::path& file);

}  // namespace custody::sqlite
