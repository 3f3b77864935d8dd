#pragma once

#include <cstdint>
#include <custody/artifact.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/commitment.hpp"

namespace custody::sqlite {
class Connection;
}

namespace custody::catalog {

/// Row number of an artifact; never leaves the library.
using ArtifactKey = std::int64_t;

/// What a new row needs to know.
struct ArtifactRow {
    ArtifactId id;
    ArtifactType type;
    ArtifactStatus status;
    Timestamp created_at;
    std::string processing_module;
    std::string processing_version;
    std::string file_name;
    base::Salt file_name_salt;
    std::optional<std::uint64_t> file_size;
    std::optional<Digest> checksum;
    std::string metadata;
    base::Salt metadata_salt;
    std::string request_key{};
    // Of an imported one; a new one was just created, and has neither.
    std::optional<Timestamp> updated_at{};  ///< else created_at
    std::optional<std::string> error_message{};
    std::optional<Timestamp> removed_at{};
};

ArtifactKey insert_artifact(sqlite::Connection& connection, const ArtifactRow& row);

/// What load_artifact() would answer of a row that was just inserted, without its sources and its run.
Artifact artifact_of(const ArtifactRow& row);

std::optional<ArtifactKey> find_key(sqlite::Connection& connection, const ArtifactId& id);
ArtifactId id_of(sqlite::Connection& connection, ArtifactKey key);
std::optional<ArtifactKey> find_request(sqlite::Connection& connection, const std::string& request_key);

/// Ids of artifacts that have this payload, at most so many.
std::vector<std::string> artifacts_with(sqlite::Connection& connection, const Digest& payload, std::size_t limit);

/// The whole artifact, with its sources and its run.
Artifact load_artifact(sqlite::Connection& connection, ArtifactKey key);
std::optional<Artifact> find_artifact(sqlite::Connection& connection, const ArtifactId& id);

std::uint64_t count_artifacts(sqlite::Connection& connection);

/// Newest first. @throws NotFound where `after` or `run` names nothing
std::vector<Artifact> list_artifacts(sqlite::Connection& connection, const ArtifactQuery& query);

/// Sets status, time and error message (nullopt clears it) of an artifact, which is as `before` now.
void set_status(sqlite::Connection& connection, ArtifactKey key, const Artifact& before, ArtifactStatus status,
                const Timestamp& updated_at, const std::optional<std::string>& error_message);

/// Leaves the tombstone of a removed payload.
void set_removed(sqlite::Connection& connection, ArtifactKey key, const Timestamp& removed_at);

/// The name under which a payload is shown: `artifacts/<type>/<id>_<safe name>`; empty without a payload.
std::string link_path(const ArtifactId& id, const ArtifactType& type, const std::string& file_name);

}  // namespace custody::catalog
