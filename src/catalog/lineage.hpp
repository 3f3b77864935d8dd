#pragma once

#include <custody/lineage.hpp>
#include <optional>
#include <string>
#include <vector>

#include "catalog/artifacts.hpp"

namespace custody::catalog {

/// Adds a link; false where it is there already.
bool insert_edge(sqlite::Connection& connection, ArtifactKey output, ArtifactKey source, const std::string& relationship,
                 const Timestamp& created_at);

bool has_edge(sqlite::Connection& connection, ArtifactKey output, ArtifactKey source, const std::string& relationship);

/// Breadth first from the root, so that depth is the shortest way and depth of the graph costs no stack.
Lineage walk(sqlite::Connection& connection, ArtifactKey root, const LineageOptions& options);

/// The way down from `from` to `to` (both included), or empty: what a link from `to` to `from` would close.
std::vector<ArtifactKey> path_down(sqlite::Connection& connection, ArtifactKey from, ArtifactKey to);

/// A de-identified artifact (among `outputs` and all made from them) whose payload is that of an identified one (among
/// `sources` and all that they were made from), or nullopt.
struct Leak {
    ArtifactId released;
    ArtifactId identified;
};
std::optional<Leak> find_leak(sqlite::Connection& connection, const std::vector<ArtifactKey>& outputs,
                              const std::vector<ArtifactKey>& sources);

/// As find_leak for an artifact that is not there yet: an identified artifact with this payload, an ancestor where there is
/// one, else any in the store, so that leaving a source out is no way around. Empty payloads identify nobody: of those, ancestors
/// only.
std::optional<ArtifactId> find_identified(sqlite::Connection& connection, const Digest& payload, std::uint64_t size_bytes,
                                          const std::vector<ArtifactKey>& sources);

}  // namespace custody::catalog
