#pragma once

#include <filesystem>

namespace custody::sqlite {

/// Holds the locks by which other programs know that a database is in use (SQLite's SHARED on it, and the one that says that its
/// -shm is alive) a second time, by locks that belong to SQLite's own descriptors. The first ones are the process's, and the
/// kernel drops them when any descriptor of the file is closed in it: a program that copies or hashes catalog.db while it has the
/// store open would let the next client that comes and goes take itself for the last one, and remove the log under us.
///
/// Call it once the database and its WAL are open. The locks go when SQLite closes the files. Where they can't be had, nothing is
/// lost but the second hold.
void keep_locks(const std::filesystem::path& database) noexcept;

}  // namespace custody::sqlite
