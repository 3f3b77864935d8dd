// A lineage for programs (JSON), for Graphviz (dot) and for people (tree).

#include <algorithm>
#include <custody/lineage.hpp>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace custody {

namespace {

const char* colour_of(const LineageNode& node) {
    if (node.removed) return "gray80";
    switch (node.status) {
        case ArtifactStatus::completed:
            return "palegreen";
        case ArtifactStatus::failed:
            return "salmon";
        case ArtifactStatus::archived:
            return "lightsteelblue";
        default:
            return "lightyellow";
    }
}

std::string label_of(const LineageNode& node) {
    auto label = node.type.str() + " " + node.id.str() + " " + std::string(to_string(node.status));
    if (!node.processing_module.empty()) label += " (" + node.processing_module + ")";
    if (node.removed) label += " [payload removed]";
    return label;
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (static_cast<unsigned char>(c) >= 0x20) out += c;
    }
    return out + "\"";
}

using Neighbours = std::unordered_map<ArtifactId, std::vector<const LineageEdge*>>;

// Depth first with a stack of its own: a lineage may be deeper than the thread's stack.
void draw(std::string& out, const Lineage& lineage, const Neighbours& next, bool up) {
    std::unordered_map<ArtifactId, const LineageNode*> nodes;
    for (const auto& node : lineage.nodes) nodes.emplace(node.id, &node);
    struct Place {
        const std::vector<const LineageEdge*>* edges;
        std::size_t at;
    };
    static const std::vector<const LineageEdge*> none;
    const auto edges_of = [&](const ArtifactId& id) {
        const auto found = next.find(id);
        return found == next.end() ? &none : &found->second;
    };
    std::unordered_set<ArtifactId> drawn{lineage.root};
    std::vector<Place> stack{{edges_of(lineage.root), 0}};
    while (!stack.empty()) {
        auto& place = stack.back();
        if (place.at == place.edges->size()) {
            stack.pop_back();
            continue;
        }
        const auto* edge = (*place.edges)[place.at++];
        const auto& id = up ? edge->source : edge->output;
        // Past 40 levels the indentation says the depth in figures instead.
        const auto depth = stack.size();
        out.append(std::min<std::size_t>(depth, 40) * 2, ' ');
        if (depth > 40) out.append("[").append(std::to_string(depth)).append("] ");
        out += (up ? "<- " : "-> ") + edge->relationship + " " + label_of(*nodes.at(id));
        if (!drawn.insert(id).second) {
            out += edges_of(id)->empty() ? "\n" : " (above)\n";
            continue;
        }
        out += '\n';
        stack.push_back({edges_of(id), 0});
    }
}

}  // namespace

ordered_json to_json(const LineageNode& node) {
    return {{"artifact_id", node.id.str()},
            {"artifact_type", node.type.name()},
            {"status", to_string(node.status)},
            {"created_at", node.created_at.str()},
            {"processing_module", node.processing_module.empty() ? ordered_json(nullptr) : ordered_json(node.processing_module)},
            {"depth", node.depth},
            {"removed", node.removed}};
}

ordered_json to_json(const LineageEdge& edge) {
    return {{"artifact_id", edge.output.str()}, {"source_artifact_id", edge.source.str()}, {"relationship", edge.relationship}};
}

ordered_json to_json(const Lineage& lineage) {
    ordered_json form = {{"root", lineage.root.str()}, {"nodes", ordered_json::array()}, {"edges", ordered_json::array()}};
    for (const auto& node : lineage.nodes) form["nodes"].push_back(to_json(node));
    for (const auto& edge : lineage.edges) form["edges"].push_back(to_json(edge));
    form["truncated"] = lineage.truncated;
    return form;
}

std::string to_dot(const Lineage& lineage) {
    std::string out = "digraph lineage {\n  rankdir=TB;\n  node [shape=box, style=filled, fontname=\"sans-serif\"];\n";
    for (const auto& node : lineage.nodes) {
        const auto label = node.type.str() + "\n" + node.id.str().substr(0, 8) + "\n" + std::string(to_string(node.status));
        std::string escaped;
        for (const char c : label) escaped += c == '\n' ? "\\n" : std::string(1, c);
        out += "  \"" + node.id.str() + "\" [label=\"" + escaped + "\", fillcolor=" + colour_of(node) +
               (node.id == lineage.root ? ", penwidth=2" : "") + "];\n";
    }
    for (const auto& edge : lineage.edges) {
        out += "  \"" + edge.source.str() + "\" -> \"" + edge.output.str() + "\" [label=" + quoted(edge.relationship) + "];\n";
    }
    if (lineage.truncated) out += "  \"truncated\" [label=\"more was left out\", shape=plaintext];\n";
    return out + "}\n";
}

std::string to_tree(const Lineage& lineage) {
    Neighbours up;
    Neighbours down;
    for (const auto& edge : lineage.edges) {
        up[edge.output].push_back(&edge);
        down[edge.source].push_back(&edge);
    }
    std::string out;
    for (const auto& node : lineage.nodes) {
        if (node.id == lineage.root) out += label_of(node) + "\n";
    }
    draw(out, lineage, up, true);
    draw(out, lineage, down, false);
    if (lineage.truncated) out += "… more was left out (raise the limits to see it)\n";
    return out;
}

}  // namespace custody
