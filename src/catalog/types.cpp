#include "catalog/types.hpp"

#include "sqlite/connection.hpp"

namespace custody::catalog {

std::optional<Sensitivity> find_sensitivity(sqlite::Connection& connection, const ArtifactType& type) {
    sqlite::Query query(connection, "SELECT sensitivity FROM artifact_types WHERE artifact_type = ?", type.name());
    if (!query.step()) return std::nullopt;
    return parse_sensitivity(query.view(0));
}

std::optional<Sensitivity> Sensitivities::of(const ArtifactType& type) {
    const auto known = known_.find(type);
    if (known != known_.end()) return known->second;
    return known_.emplace(type, find_sensitivity(connection_, type)).first->second;
}

std::vector<ArtifactTypeInfo> list_types(sqlite::Connection& connection) {
    std::vector<ArtifactTypeInfo> types;
    sqlite::Query query(connection, "SELECT artifact_type, sensitivity, built_in FROM artifact_types ORDER BY artifact_type");
    while (query.step()) {
        types.push_back({ArtifactType(query.view(0)), parse_sensitivity(query.view(1)), query.integer(2) != 0});
    }
    return types;
}

void insert_type(sqlite::Connection& connection, const ArtifactType& type, Sensitivity sensitivity) {
    sqlite::Query(connection, "INSERT INTO artifact_types (artifact_type, sensitivity, built_in) VALUES (?, ?, 0)", type.name(),
                  to_string(sensitivity))
        .run();
}

}  // namespace custody::catalog
