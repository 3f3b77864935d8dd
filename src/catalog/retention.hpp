#pragma once

#include <cstdint>
#include <custody/maintenance.hpp>
#include <optional>
#include <vector>

namespace custody::sqlite {
class Connection;
}

namespace custody::catalog {

/// A policy as its row has it; `seq` is the entry that set it.
struct RetentionRow {
    ArtifactType type;
    int days;
    bool when_descendants_completed;
    std::int64_t seq;
};

std::optional<RetentionRow> find_retention(sqlite::Connection& connection, const ArtifactType& type);
/// Sets the type's policy, in place of the one that it has.
void put_retention(sqlite::Connection& connection, const RetentionRow& policy);
void delete_retention(sqlite::Connection& connection, const ArtifactType& type);
/// By type.
std::vector<RetentionRow> list_retention(sqlite::Connection& connection);
/// The same with who set them, when and why.
std::vector<RetentionPolicy> described_retention(sqlite::Connection& connection);

}  // namespace custody::catalog
