#pragma once

#include "audit/tree.hpp"

namespace custody::manager {

/// The first schema version whose trail has a tree.
inline constexpr int version_with_tree = 4;

/// What a migration needs beyond its SQL, in its transaction: data that only the library can compute.
inline void migrate_data(sqlite::Connection& connection, int version) {
    if (version == version_with_tree) audit::build_tree(connection);
}

}  // namespace custody::manager
