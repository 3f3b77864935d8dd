#include "catalog/artifacts.hpp"

#include <algorithm>
#include <custody/error.hpp>

#include "base/text.hpp"
#include "catalog/counters.hpp"
#include "sqlite/connection.hpp"

namespace custody::catalog {

namespace {

std::optional<std::string> null_if_empty(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

std::optional<std::span<const std::uint8_t>> salt_if(bool present, const base::Salt& salt) {
    return present ? std::optional(std::span<const std::uint8_t>(salt)) : std::nullopt;
}

// Only a payload has a name.
bool is_named(const ArtifactRow& row) { return row.checksum && !row.file_name.empty(); }

constexpr const char* select_artifact =
    "SELECT artifact_id, artifact_type, status, created_at, updated_at, processing_module, processing_version, file_name, "
    "file_size, checksum, metadata, error_message, removed_at FROM artifacts WHERE artifact_key = ?";

void load_links(sqlite::Connection& connection, ArtifactKey key, Artifact& artifact) {
    sqlite::Query query(connection,
                        "SELECT e.relationship, s.artifact_id FROM lineage_edges AS e JOIN artifacts AS s ON s.artifact_key = "
                        "e.source_key WHERE e.output_key = ? ORDER BY e.ordinal",
                        key);
    while (query.step()) {
        const auto source = ArtifactId::parse(query.view(1));
        artifact.links.emplace_back(query.text(0), source);
        // One source may be linked in several ways; it is one source.
        const auto& known = artifact.source_artifacts;
        if (std::find(known.begin(), known.end(), source) == known.end()) artifact.source_artifacts.push_back(source);
    }
}

void load_run(sqlite::Connection& connection, ArtifactKey key, Artifact& artifact) {
    sqlite::Query query(connection,
                        "SELECT r.run_id FROM run_artifacts AS ra JOIN runs AS r USING (run_key) "
                        "WHERE ra.artifact_key = ? AND ra.role = 'output' ORDER BY ra.run_key LIMIT 1",
                        key);
    if (query.step()) artifact.run = RunId::parse(query.view(0));
}

}  // namespace

ArtifactKey insert_artifact(sqlite::Connection& connection, const ArtifactRow& row) {
    const bool named = is_named(row);
    sqlite::Query(connection,
                  "INSERT INTO artifacts (artifact_id, artifact_type, status, created_at, updated_at, processing_module, "
                  "processing_version, file_name, file_name_salt, file_size, checksum, metadata, metadata_salt, "
                  "request_key, error_message, "
                  "removed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  row.id.str(), row.type.name(), to_string(row.status), row.created_at.str(),
                  row.updated_at.value_or(row.created_at).str(), null_if_empty(row.processing_module),
                  null_if_empty(row.processing_version), named ? std::optional(row.file_name) : std::nullopt,
                  salt_if(named, row.file_name_salt),
                  row.file_size ? std::optional(static_cast<std::int64_t>(*row.file_size)) : std::nullopt,
                  row.checksum ? std::optional(row.checksum->hex()) : std::nullopt, row.metadata,
                  std::span<const std::uint8_t>(row.metadata_salt), null_if_empty(row.request_key), row.error_message,
                  row.removed_at ? std::optional(row.removed_at->str()) : std::nullopt)
        .run();
    add_to_artifact_count(connection, row.type.name(), to_string(row.status), 1);
    return connection.last_insert_key();
}

Artifact artifact_of(const ArtifactRow& row) {
    return {.id = row.id,
            .type = row.type,
            .status = row.status,
            .created_at = row.created_at,
            .updated_at = row.updated_at.value_or(row.created_at),
            .source_artifacts = {},
            .processing_module = row.processing_module,
            .processing_version = row.processing_version,
            .file_name = is_named(row) ? row.file_name : std::string(),
            .file_path = row.checksum ? link_path(row.id, row.type, row.file_name) : std::string(),
            .file_size = row.file_size,
            .checksum = row.checksum,
            .metadata_text = row.metadata,
            .error_message = row.error_message,
            .run = {},
            .removed_at = row.removed_at,
            .links = {}};
}

std::optional<ArtifactKey> find_key(sqlite::Connection& connection, const ArtifactId& id) {
    sqlite::Query query(connection, "SELECT artifact_key FROM artifacts WHERE artifact_id = ?", id.str());
    if (!query.step()) return std::nullopt;
    return query.integer(0);
}

ArtifactId id_of(sqlite::Connection& connection, ArtifactKey key) {
    sqlite::Query query(connection, "SELECT artifact_id FROM artifacts WHERE artifact_key = ?", key);
    if (!query.step()) throw Corruption("an artifact that is referred to has no row");
    return ArtifactId::parse(query.view(0));
}

std::optional<ArtifactKey> find_request(sqlite::Connection& connection, const std::string& request_key) {
    sqlite::Query query(connection, "SELECT artifact_key FROM artifacts WHERE request_key = ?", request_key);
    if (!query.step()) return std::nullopt;
    return query.integer(0);
}

std::vector<std::string> artifacts_with(sqlite::Connection& connection, const Digest& payload, std::size_t limit) {
    std::vector<std::string> ids;
    sqlite::Query query(connection, "SELECT artifact_id FROM artifacts WHERE checksum = ? ORDER BY artifact_key LIMIT ?",
                        payload.hex(), limit);
    while (query.step()) ids.push_back(query.text(0));
    return ids;
}

Artifact load_artifact(sqlite::Connection& connection, ArtifactKey key) {
    sqlite::Query query(connection, select_artifact, key);
    if (!query.step()) throw Corruption("an artifact that is referred to has no row");
    const auto size = query.optional_integer(8);
    const auto checksum = query.optional_text(9);
    const auto removed_at = query.optional_text(12);
    Artifact artifact{
        .id = ArtifactId::parse(query.view(0)),
        .type = ArtifactType(query.view(1)),
        .status = parse_status(query.view(2)),
        .created_at = Timestamp::parse(query.view(3)),
        .updated_at = Timestamp::parse(query.view(4)),
        .source_artifacts = {},
        .processing_module = query.text(5),
        .processing_version = query.text(6),
        .file_name = query.text(7),
        .file_path = {},
        .file_size = size ? std::optional(static_cast<std::uint64_t>(*size)) : std::nullopt,
        .checksum = checksum ? std::optional(Digest::parse(*checksum)) : std::nullopt,
        .metadata_text = query.optional_text(10).value_or("{}"),
        .error_message = query.optional_text(11),
        .run = {},
        .removed_at = removed_at ? std::optional(Timestamp::parse(*removed_at)) : std::nullopt,
        .links = {},
    };
    if (artifact.checksum) artifact.file_path = link_path(artifact.id, artifact.type, artifact.file_name);
    load_links(connection, key, artifact);
    load_run(connection, key, artifact);
    return artifact;
}

std::optional<Artifact> find_artifact(sqlite::Connection& connection, const ArtifactId& id) {
    const auto key = find_key(connection, id);
    if (!key) return std::nullopt;
    return load_artifact(connection, *key);
}

std::uint64_t count_artifacts(sqlite::Connection& connection) {
    sqlite::Query query(connection, "SELECT count(*) FROM artifacts");
    query.step();
    return static_cast<std::uint64_t>(query.integer(0));
}

void set_status(sqlite::Connection& connection, ArtifactKey key, const Artifact& before, ArtifactStatus status,
                const Timestamp& updated_at, const std::optional<std::string>& error_message) {
    add_to_artifact_count(connection, before.type.name(), to_string(before.status), -1);
    add_to_artifact_count(connection, before.type.name(), to_string(status), 1);
    sqlite::Query(connection, "UPDATE artifacts SET status = ?, updated_at = ?, error_message = ? WHERE artifact_key = ?",
                  to_string(status), updated_at.str(), error_message, key)
        .run();
}

void set_removed(sqlite::Connection& connection, ArtifactKey key, const Timestamp& removed_at) {
    sqlite::Query(connection, "UPDATE artifacts SET removed_at = ?, updated_at = ? WHERE artifact_key = ?", removed_at.str(),
                  removed_at.str(), key)
        .run();
}

std::string link_path(const ArtifactId& id, const ArtifactType& type, const std::string& file_name) {
    return "artifacts/" + type.str() + "/" + id.str() + "_" + base::safe_file_name(file_name);
}

}  // namespace custody::catalog
