#pragma once

#include <custody/maintenance.hpp>
#include <filesystem>
#include <string>

namespace custody::sqlite {

/// Runs one read-only statement of somebody else's on a connection of its own: an authorizer lets SELECT, reading and safe
/// functions through and nothing else, a clock ends what takes too long.
/// @throws InvalidArgument for anything but one SELECT, for SQL errors, and past the time limit
SqlResult run_reviewer_query(const std::filesystem::path& file, const std::string& query, const SqlOptions& options);

}  // namespace custody::sqlite
