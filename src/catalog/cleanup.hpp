#pragma once

#include <custody/types.hpp>
#include <optional>
#include <string>
#include <vector>

#include "catalog/artifacts.hpp"

namespace custody::catalog {

/// Artifacts whose payload cleanup may look at, oldest first, beginning after `after`.
struct CleanupCandidate {
    ArtifactKey key;
    ArtifactId id;
    ArtifactType type;
    std::string file_name;
    Digest checksum;
    std::uint64_t file_size;
};
std::vector<CleanupCandidate> cleanup_candidates(sqlite::Connection& connection, const Timestamp& created_before,
                                                 const std::optional<ArtifactType>& type,
                                                 const std::optional<ArtifactStatus>& status, ArtifactKey after,
                                                 std::size_t limit);

/// Which of those that were made from an artifact keep its payload while they are pending, in progress or failed.
enum class Dependents { none, direct, all };

/// Why the artifact's payload must stay, or nullopt. Holds come first: nothing goes before them.
std::optional<std::string> reason_to_keep(sqlite::Connection& connection, ArtifactKey key, Dependents dependents);
/// Whether the payload is still there as far as its record says, and of this status where one is asked for.
bool is_still_candidate(sqlite::Connection& connection, ArtifactKey key, const std::optional<ArtifactStatus>& status);

/// Whether the artifact has a payload that wasn't removed.
bool has_payload(sqlite::Connection& connection, ArtifactKey key);

}  // namespace custody::catalog
