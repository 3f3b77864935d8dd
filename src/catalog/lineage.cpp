#include "catalog/lineage.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "sqlite/connection.hpp"

namespace custody::catalog {

namespace {

constexpr const char* sources_of = "SELECT source_key, relationship FROM lineage_edges WHERE output_key = ? ORDER BY ordinal";
constexpr const char* outputs_of =
    "SELECT output_key, relationship FROM lineage_edges WHERE source_key = ? ORDER BY output_key, relationship";

struct Edge {
    ArtifactKey output;
    ArtifactKey source;
    std::string relationship;
    bool operator<(const Edge& other) const {
        return std::tie(output, source, relationship) < std::tie(other.output, other.source, other.relationship);
    }
};

// One walk in one direction. Nodes are numbered as they are met.
class Walk {
   public:
    Walk(sqlite::Connection& connection, const LineageOptions& options) : connection_(connection), options_(options) {}

    void from(ArtifactKey root, bool up) {
        std::vector<ArtifactKey> level{root};
        std::unordered_set<ArtifactKey> met{root};
        meet(root, 0);
        for (std::size_t depth = 0; !level.empty(); ++depth) {
            std::vector<ArtifactKey> next;
            for (const auto key : level) expand(key, up, depth, met, next);
            level = std::move(next);
        }
    }

    std::vector<std::pair<ArtifactKey, std::size_t>> nodes;  // with depth
    std::vector<Edge> edges;
    bool truncated = false;

   private:
    bool meet(ArtifactKey key, std::size_t depth) {
        if (known_.contains(key)) return true;
        if (options_.max_nodes != 0 && nodes.size() >= options_.max_nodes) {
            truncated = true;
            return false;
        }
        known_.insert(key);
        nodes.emplace_back(key, depth);
        return true;
    }

    void expand(ArtifactKey key, bool up, std::size_t depth, std::unordered_set<ArtifactKey>& met,
                std::vector<ArtifactKey>& next) {
        sqlite::Query query(connection_, up ? sources_of : outputs_of, key);
        while (query.step()) {
            const auto other = query.integer(0);
            // At the depth limit, an edge between two artifacts that are both shown is still part of the picture.
            const bool beyond = options_.max_depth != 0 && depth >= options_.max_depth;
            if (beyond && !known_.contains(other)) {
                truncated = true;
                continue;
            }
            if (!meet(other, depth + 1)) continue;
            edges.push_back(up ? Edge{key, other, query.text(1)} : Edge{other, key, query.text(1)});
            if (!beyond && met.insert(other).second) next.push_back(other);
        }
    }

    sqlite::Connection& connection_;
    const LineageOptions& options_;
    std::unordered_set<ArtifactKey> known_;
};

LineageNode node_of(sqlite::Connection& connection, ArtifactKey key, std::size_t depth) {
    sqlite::Query query(connection,
                        "SELECT artifact_id, artifact_type, status, created_at, processing_module, removed_at IS NOT NULL "
                        "FROM artifacts WHERE artifact_key = ?",
                        key);
    query.step();
    return {ArtifactId::parse(query.view(0)),
            ArtifactType(query.view(1)),
            parse_status(query.view(2)),
            Timestamp::parse(query.view(3)),
            query.text(4),
            depth,
            query.integer(5) != 0};
}

// Everything that can be reached from `start` (included).
std::unordered_set<ArtifactKey> closure(sqlite::Connection& connection, const std::vector<ArtifactKey>& start, bool up) {
    std::unordered_set<ArtifactKey> met(start.begin(), start.end());
    std::vector<ArtifactKey> todo(start);
    while (!todo.empty()) {
        const auto key = todo.back();
        todo.pop_back();
        sqlite::Query query(connection, up ? sources_of : outputs_of, key);
        while (query.step()) {
            if (met.insert(query.integer(0)).second) todo.push_back(query.integer(0));
        }
    }
    return met;
}

// The checksum of an artifact whose type has this sensitivity; empty otherwise.
std::string checksum_if(sqlite::Connection& connection, ArtifactKey key, const char* sensitivity) {
    sqlite::Query query(connection,
                        "SELECT a.checksum FROM artifacts AS a JOIN artifact_types AS t USING (artifact_type) "
                        "WHERE a.artifact_key = ? AND t.sensitivity = ? AND a.checksum IS NOT NULL",
                        key, sensitivity);
    return query.step() ? query.text(0) : std::string();
}

}  // namespace

bool insert_edge(sqlite::Connection& connection, ArtifactKey output, ArtifactKey source, const std::string& relationship,
                 const Timestamp& created_at) {
    return sqlite::Query(
               connection,
               "INSERT INTO lineage_edges (output_key, ordinal, source_key, relationship, created_at) SELECT ?1, "
               "(SELECT coalesce(max(ordinal), 0) + 1 FROM lineage_edges WHERE output_key = ?1), ?2, ?3, ?4 "
               "WHERE NOT EXISTS (SELECT 1 FROM lineage_edges WHERE source_key = ?2 AND output_key = ?1 AND relationship = ?3)",
               output, source, relationship, created_at.str())
               .run() > 0;
}

bool has_edge(sqlite::Connection& connection, ArtifactKey output, ArtifactKey source, const std::string& relationship) {
    return sqlite::Query(connection, "SELECT 1 FROM lineage_edges WHERE source_key = ? AND output_key = ? AND relationship = ?",
                         source, output, relationship)
        .step();
}

Lineage walk(sqlite::Connection& connection, ArtifactKey root, const LineageOptions& options) {
    Walk walk(connection, options);
    if (options.direction != LineageDirection::down) walk.from(root, true);
    if (options.direction != LineageDirection::up) walk.from(root, false);
    Lineage lineage{id_of(connection, root), {}, {}, walk.truncated};
    std::unordered_map<ArtifactKey, ArtifactId> ids;
    // Both directions together: nearest first, too.
    std::stable_sort(walk.nodes.begin(), walk.nodes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    for (const auto& [key, depth] : walk.nodes) {
        lineage.nodes.push_back(node_of(connection, key, depth));
        ids.emplace(key, lineage.nodes.back().id);
    }
    std::set<Edge> seen;
    for (const auto& edge : walk.edges) {
        if (seen.insert(edge).second) lineage.edges.push_back({ids.at(edge.output), ids.at(edge.source), edge.relationship});
    }
    return lineage;
}

std::vector<ArtifactKey> path_down(sqlite::Connection& connection, ArtifactKey from, ArtifactKey to) {
    std::unordered_map<ArtifactKey, ArtifactKey> came_from{{from, from}};
    std::vector<ArtifactKey> level{from};
    while (!level.empty() && !came_from.contains(to)) {
        std::vector<ArtifactKey> next;
        for (const auto key : level) {
            sqlite::Query query(connection, outputs_of, key);
            while (query.step()) {
                if (came_from.emplace(query.integer(0), key).second) next.push_back(query.integer(0));
            }
        }
        level = std::move(next);
    }
    std::vector<ArtifactKey> path;
    if (!came_from.contains(to)) return path;
    for (auto key = to; key != from; key = came_from.at(key)) path.push_back(key);
    path.push_back(from);
    std::reverse(path.begin(), path.end());
    return path;
}

std::optional<Leak> find_leak(sqlite::Connection& connection, const std::vector<ArtifactKey>& outputs,
                              const std::vector<ArtifactKey>& sources) {
    std::unordered_map<std::string, ArtifactKey> released;
    for (const auto key : closure(connection, outputs, false)) {
        const auto checksum = checksum_if(connection, key, "deidentified");
        if (!checksum.empty()) released.emplace(checksum, key);
    }
    if (released.empty()) return std::nullopt;
    for (const auto key : closure(connection, sources, true)) {
        const auto checksum = checksum_if(connection, key, "identified");
        const auto found = released.find(checksum);
        if (!checksum.empty() && found != released.end()) return Leak{id_of(connection, found->second), id_of(connection, key)};
    }
    return std::nullopt;
}

std::optional<ArtifactId> find_identified(sqlite::Connection& connection, const Digest& payload, std::uint64_t size_bytes,
                                          const std::vector<ArtifactKey>& sources) {
    // Most content is new: no walk where no identified artifact has these bytes at all.
    // Type by type, in the order of the index: content such as an empty file may be that of any number.
    sqlite::Query known(
        connection,
        "SELECT min((SELECT a.artifact_key FROM artifacts AS a "
        "WHERE a.checksum = ? AND a.artifact_type = t.artifact_type "
        "ORDER BY a.removed_at, a.artifact_key LIMIT 1)) FROM artifact_types AS t WHERE t.sensitivity = 'identified'",
        payload.hex());
    if (!known.step() || known.is_null(0)) return std::nullopt;
    for (const auto key : closure(connection, sources, true)) {
        if (checksum_if(connection, key, "identified") == payload.hex()) return id_of(connection, key);
    }
    return size_bytes == 0 ? std::nullopt : std::optional(id_of(connection, known.integer(0)));
}

}  // namespace custody::catalog
