#pragma once

#include <string>
#include <vector>

#include "sqlite/migrations.hpp"

namespace custody::sqlite {

/// A database's schema as it is.
struct SchemaState {
    int version = 0;  ///< as `PRAGMA user_version` says; as schema_migrations does where that number was set by somebody else
    std::vector<std::string> differences{};  ///< from what that version ships with, where it is known here; and of the number

    [[nodiscard]] bool is_known() const { return version >= 1 && version <= newest_version(); }
};

/// @throws Corruption where the schema can't be read
SchemaState schema_state(Connection& connection);

}  // namespace custody::sqlite
