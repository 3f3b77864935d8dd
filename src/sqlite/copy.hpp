#pragma once

#include <filesystem>
#include <functional>

#include "sqlite/connection.hpp"

namespace custody::sqlite {

/// Copies a database, as of one moment, into one new file without a WAL, durably. @throws IoError
void copy_database(const std::filesystem::path& from, const std::filesystem::path& to, unsigned mode);

/// Changes a copy in one transaction and rewrites the file into `to`, so that nothing of what was taken out is left in
/// free pages. @throws IoError
void rewrite_database(const std::filesystem::path& from, const std::filesystem::path& to, unsigned mode,
                      const std::function<void(Connection&)>& change);

}  // namespace custody::sqlite
