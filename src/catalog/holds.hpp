#pragma once

#include <custody/maintenance.hpp>
#include <optional>
#include <string>
#include <vector>

#include "catalog/artifacts.hpp"

namespace custody::catalog {

std::int64_t insert_hold(sqlite::Connection& connection, ArtifactKey artifact, const std::string& reason,
                         const std::string& placed_by, const Timestamp& placed_at);
/// Lifts all of the artifact's holds, or the one of that number; answers their numbers.
std::vector<std::int64_t> lift_holds(sqlite::Connection& connection, ArtifactKey artifact,
                                     const std::optional<std::int64_t>& hold_id, const std::string& removed_by,
                                     const Timestamp& removed_at);
/// Those in force, oldest first.
std::vector<Hold> active_holds(sqlite::Connection& connection);

}  // namespace custody::catalog
