#include <fmt/format.h>

#include "audit_table.hpp"
#include "graphviz.hpp"
#include "output.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

struct LinkFlags {
    std::optional<ArtifactId> output{};
    std::vector<ArtifactId> sources{};
    std::string relationship = "derived_from";
    bool allow_identified_release = false;
};

int link(const Session& session, const LinkFlags& flags) {
    auto manager = session.open();
    const auto added = manager.link_artifacts({.source_artifact_ids = flags.sources,
                                               .output_artifact_id = *flags.output,
                                               .relationship = flags.relationship,
                                               .allow_identified_release = flags.allow_identified_release});
    return session.tell_done(added == 0 ? "linked already; nothing was changed" : count_text(added, "link") + " added", [&] {
        ordered_json sources = ordered_json::array();
        for (const auto& source : flags.sources) sources.push_back(source.str());
        return ordered_json{{"output_artifact_id", flags.output->str()},
                            {"source_artifact_ids", sources},
                            {"relationship", flags.relationship},
                            {"links_added", added}};
    });
}

enum class Format { tree, as_json, dot, svg };

struct LineageFlags {
    std::optional<ArtifactId> id{};
    bool up = false;
    bool down = false;
    bool both = false;
    std::size_t depth = 0;
    std::optional<Format> format{};
};

template <class Element>
void put_elements(const char* name, const std::vector<Element>& elements) {
    put("\"" + std::string(name) + "\": ");
    JsonArray array;
    for (const auto& element : elements) array.add(to_json(element));
    array.end(",\n");
}

// The same as to_json(graph), which in one piece would take several times the graph's memory.
void put_as_json(const Lineage& graph) {
    put("{\n\"root\": \"" + graph.root.str() + "\",\n");
    put_elements("nodes", graph.nodes);
    put_elements("edges", graph.edges);
    put_line("\"truncated\": " + std::string(graph.truncated ? "true" : "false") + "\n}");
}

int lineage(const Session& session, const LineageFlags& flags) {
    auto manager = session.open();
    const auto direction = flags.both || (flags.up && flags.down) ? LineageDirection::both
                           : flags.down                           ? LineageDirection::down
                                                                  : LineageDirection::up;
    const auto graph = manager.get_artifact_lineage(*flags.id, {.direction = direction, .max_depth = flags.depth});
    if (!graph) throw NotFound(unknown_artifact(*flags.id));
    switch (flags.format.value_or(session.json_output ? Format::as_json : Format::tree)) {
        case Format::tree:
            put_text(to_tree(*graph));
            break;
        case Format::as_json:
            put_as_json(*graph);
            break;
        case Format::dot:
            put(to_dot(*graph));
            break;
        case Format::svg:
            draw_svg(to_dot(*graph));
            break;
    }
    if (graph->truncated) {
        session.say(flags.depth != 0 ? fmt::format("there is more beyond depth {}", flags.depth)
                                     : fmt::format("cut at {} artifacts", graph->nodes.size()));
    }
    return exit_done;
}

}  // namespace

void add_lineage_verbs(CLI::App& app, Session& session) {
    auto linked = add_verb<LinkFlags>(app, session,
                                      {"link", "say what an artifact was made from",
                                       "custody link $OUTPUT --source $VIDEO --source $KEYPOINTS\n"
                                       "custody link $REPORT --source $VIDEO --relationship describes"},
                                      link);
    add_artifact_id(linked.app, "OUTPUT", linked.options.output, "the artifact that was made")->required();
    add_artifact_ids(linked.app, "--source", linked.options.sources, "what it was made from; may be repeated")->required();
    add_filled_text(linked.app, "--relationship", "R", linked.options.relationship,
                    "how it was made from it; derived_from unless given");
    add_flag(linked.app, "--allow-identified-release", linked.options.allow_identified_release,
             "accept a de-identified output that equals an identified source; audited");

    auto [verb, flags] = add_verb<LineageFlags>(app, session,
                                                {"lineage", "where an artifact comes from, or what came of it",
                                                 "custody lineage $ID\ncustody lineage $ID --down --depth 2\n"
                                                 "custody lineage $ID --both --format svg > lineage.svg"},
                                                lineage);
    add_artifact_id(verb, "ID", flags.id, "the artifact")->required();
    add_flag(verb, "--up", flags.up, "its sources, and theirs (unless told otherwise)");
    add_flag(verb, "--down", flags.down, "what was made from it");
    add_flag(verb, "--both", flags.both, "both ways");
    add_count(verb, "--depth", flags.depth, "at most so many links away; 0 (unless given): all");
    add_parsed(verb, "--format", "F", flags.format,
               one_of<Format>({{"tree", Format::tree}, {"json", Format::as_json}, {"dot", Format::dot}, {"svg", Format::svg}}),
               "tree (unless given), json, dot, or svg, which needs graphviz");
}

}  // namespace custody::cli
