#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "sqlite/connection.hpp"

namespace custody::sqlite {

/// Copies a database, as of one moment, into one new file without a WAL, durably. @throws IoError
void copy_database(const std::filesystem::path& from, const std::filesystem::path& to, unsigned mode);

/// Copies a database page by page, as of one moment, into one new file without a WAL, durably. What is damaged or altered there
/// is damaged or altered in the copy. `from` may be in a read transaction; others keep writing. @throws IoError, Busy
void copy_pages(Connection& from, const std::filesystem::path& to, unsigned mode);

/// Opens a database that nothing writes, as gently as its media allow: it may be a copy of a store with a WAL beside it.
/// @throws as open_connection; IoError where there is a WAL that can't be read there
std::unique_ptr<Connection> open_at_rest(const std::filesystem::path& file);

/// Changes a copy, which nobody else knows yet, in one transaction. @throws IoError
void change_copy(const std::filesystem::path& file, const std::function<void(Connection&)>& change);

/// Rewrites a copy into another new file, so that nothing of what was taken out of it is left in free pages. @throws IoError
void rewrite_copy(const std::filesystem::path& from, const std::filesystem::path& to, unsigned mode);

}  // namespace custody::sqlite
