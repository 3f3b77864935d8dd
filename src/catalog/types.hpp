#pragma once

#include <custody/types.hpp>
#include <map>
#include <optional>
#include <vector>

namespace custody::sqlite {
class Connection;
}

namespace custody::catalog {

std::optional<Sensitivity> find_sensitivity(sqlite::Connection& connection, const ArtifactType& type);

/// The same within one transaction, each type asked for once.
class Sensitivities {
   public:
    explicit Sensitivities(sqlite::Connection& connection) : connection_(connection) {}
    std::optional<Sensitivity> of(const ArtifactType& type);

   private:
    sqlite::Connection& connection_;
    std::map<ArtifactType, std::optional<Sensitivity>> known_{};
};

std::vector<ArtifactTypeInfo> list_types(sqlite::Connection& connection);
void insert_type(sqlite::Connection& connection, const ArtifactType& type, Sensitivity sensitivity);

}  // namespace custody::catalog
