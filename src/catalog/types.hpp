#pragma once

#include <custody/types.hpp>
#include <optional>
#include <vector>

namespace custody::sqlite {
class Connection;
}

namespace custody::catalog {

std::optional<Sensitivity> find_sensitivity(sqlite::Connection& connection, const ArtifactType& type);
std::vector<ArtifactTypeInfo> list_types(sqlite::Connection& connection);
void insert_type(sqlite::Connection& connection, const ArtifactType& type, Sensitivity sensitivity);

}  // namespace custody::catalog
