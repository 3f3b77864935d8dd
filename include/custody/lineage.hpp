#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <custody/artifact.hpp>

namespace custody {

/// Which way to walk from an artifact: to its sources (up), to what was made from it (down), or both.
enum class LineageDirection { up, down, both };

struct LineageOptions {
    LineageDirection direction = LineageDirection::up;
    std::size_t max_depth = 0;        ///< edges from the root; 0: no limit
    std::size_t max_nodes = 1000000;  ///< the answer is cut there and marked truncated; 0: no limit
};

struct LineageNode {
    ArtifactId id;
    ArtifactType type;
    ArtifactStatus status;
    Timestamp created_at;
    std::string processing_module;
    std::size_t depth;  ///< edges from the root by the shortest way
    bool removed;       ///< its payload was removed by cleanup
};

struct LineageEdge {
    ArtifactId output;
    ArtifactId source;
    std::string relationship;
};

/// A graph, each artifact once, nearest first. Every edge is between two of its nodes.
struct Lineage {
    ArtifactId root;
    std::vector<LineageNode> nodes;
    std::vector<LineageEdge> edges;
    bool truncated;  ///< a limit left something out
};

/// What to link. A link that is there already is left as it is.
struct NewLink {
    std::vector<ArtifactId> source_artifact_ids;
    ArtifactId output_artifact_id;
    std::string relationship = "derived_from";  ///< [a-z][a-z0-9_]*, at most 63 characters
    bool allow_identified_release = false;      ///< audited override: the output may have an identified source's bytes
};

/// {"artifact_id", "artifact_type", "status", "created_at", "processing_module", "depth", "removed"}
[[nodiscard]] CUSTODY_API ordered_json to_json(const LineageNode& node);
/// {"artifact_id", "source_artifact_id", "relationship"}
[[nodiscard]] CUSTODY_API ordered_json to_json(const LineageEdge& edge);
/// {"root", "nodes": [...], "edges": [...], "truncated"}
[[nodiscard]] CUSTODY_API ordered_json to_json(const Lineage& lineage);
/// Graphviz' dot language, sources above outputs.
[[nodiscard]] CUSTODY_API std::string to_dot(const Lineage& lineage);
/// An indented tree for people; an artifact that comes again is shown once and then referred to.
[[nodiscard]] CUSTODY_API std::string to_tree(const Lineage& lineage);

}  // namespace custody
