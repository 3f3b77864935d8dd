#include <algorithm>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

using Edges = std::vector<std::pair<std::size_t, std::size_t>>;

void check_forms(const Lineage& lineage) {
    const auto form = to_json(lineage);
    CHECK(form.at("root") == lineage.root.str());
    CHECK(form.at("nodes").size() == lineage.nodes.size());
    CHECK(form.at("edges").size() == lineage.edges.size());
    const auto dot = to_dot(lineage);
    CHECK(dot.rfind("digraph lineage {", 0) == 0);
    CHECK(static_cast<std::size_t>(std::count(dot.begin(), dot.end(), '\n')) >= lineage.nodes.size() + lineage.edges.size());
    const auto tree = to_tree(lineage);
    CHECK(tree.rfind(lineage.nodes.front().type.str() + " " + lineage.root.str(), 0) == 0);
    CHECK(static_cast<std::size_t>(std::count(tree.begin(), tree.end(), '\n')) >= lineage.nodes.size());
}

}  // namespace

TEST_CASE("lineage goes up, down, or both ways") {
    Store store;
    const auto top = store.add_bare(ArtifactType::video_raw);
    const auto middle = store.add_bare(ArtifactType::video_keypoints, {top.id});
    const auto sibling = store.add_bare(ArtifactType::audio_raw, {top.id});
    const auto bottom = store.add_bare(ArtifactType::video_deid, {middle.id});
    const auto walk = [&](const ArtifactId& id, LineageDirection direction) {
        const auto lineage = store.manager.get_artifact_lineage(id, {.direction = direction}).value();
        check_forms(lineage);
        std::vector<ArtifactId> ids;
        for (const auto& node : lineage.nodes) ids.push_back(node.id);
        return ids;
    };
    CHECK(walk(middle.id, LineageDirection::up) == std::vector{middle.id, top.id});
    CHECK(walk(middle.id, LineageDirection::down) == std::vector{middle.id, bottom.id});
    CHECK(walk(middle.id, LineageDirection::both) == std::vector{middle.id, top.id, bottom.id});
    CHECK(walk(top.id, LineageDirection::down) == std::vector{top.id, middle.id, sibling.id, bottom.id});
    CHECK_FALSE(store.manager.get_artifact_lineage(ArtifactId::random()).has_value());
    CHECK(store.last_entry().at("outcome") == "not_found");
}

TEST_CASE("limits of depth and number cut a lineage and say so") {
    Store store;
    const auto ids = store.add_many(6);
    store.link_many(ids, {{0, 1}, {0, 2}, {1, 3}, {3, 4}, {4, 5}, {1, 2}});
    const auto& root = ids.front();
    auto& manager = store.manager;
    const auto one = manager.get_artifact_lineage(root, {.max_depth = 1}).value();
    CHECK(one.nodes.size() == 3);
    CHECK(one.edges.size() == 3);  // 1 → 2 too: both are shown
    CHECK(one.truncated);
    const auto deep = manager.get_artifact_lineage(root, {.max_depth = 4}).value();
    CHECK(deep.nodes.size() == 6);
    CHECK_FALSE(deep.truncated);
    const auto few = manager.get_artifact_lineage(root, {.max_nodes = 4}).value();
    CHECK(few.nodes.size() == 4);
    CHECK(few.truncated);
    CHECK(to_tree(few).find("left out") != std::string::npos);
    CHECK(to_dot(few).find("left out") != std::string::npos);
    for (const auto& edge : few.edges) {
        const auto is_shown = [&](const ArtifactId& id) {
            return std::any_of(few.nodes.begin(), few.nodes.end(), [&](const auto& node) { return node.id == id; });
        };
        CHECK((is_shown(edge.output) && is_shown(edge.source)));
    }
    CHECK_FALSE(manager.get_artifact_lineage(root, {.max_nodes = 6}).value().truncated);
    CHECK_FALSE(manager.get_artifact_lineage(root, {.max_nodes = 0}).value().truncated);
}

TEST_CASE("thirty stacked diamonds are 91 artifacts, not a billion ways") {
    Store store;
    constexpr std::size_t diamonds = 30;
    const auto ids = store.add_many(3 * diamonds + 1);
    Edges edges;
    for (std::size_t i = 0; i < diamonds; ++i) {
        const auto top = 3 * i;
        edges.insert(edges.end(), {{top, top + 1}, {top, top + 2}, {top + 1, top + 3}, {top + 2, top + 3}});
    }
    store.link_many(ids, edges);
    for (const auto direction : {LineageDirection::up, LineageDirection::both}) {
        const auto lineage = store.manager.get_artifact_lineage(ids.front(), {.direction = direction}).value();
        CHECK(lineage.nodes.size() == 3 * diamonds + 1);
        CHECK(lineage.edges.size() == 4 * diamonds);
        CHECK_FALSE(lineage.truncated);
        check_forms(lineage);
    }
    // Refusing a cycle and looking for a leak walk the same graph.
    CHECK_THROWS_AS(store.manager.link_artifacts({{ids.front()}, ids.back()}), Conflict);
    const auto extra = store.add(ArtifactType::video_deid, "x");
    CHECK(store.manager.link_artifacts({{ids.front()}, extra.id}) == 1);
}

TEST_CASE("a lineage may be 20,000 deep or 20,000 wide") {
    constexpr std::size_t many = 20000;
    Store store;
    const auto ids = store.add_many(2 * many + 1);
    Edges edges;
    for (std::size_t i = 0; i < many; ++i) edges.emplace_back(i, i + 1);
    for (std::size_t i = many; i < 2 * many; ++i) edges.emplace_back(2 * many, i);
    store.link_many(ids, edges);
    const auto deep = store.manager.get_artifact_lineage(ids.front()).value();
    CHECK(deep.nodes.size() == many + 1);
    CHECK(deep.nodes.back().depth == many);
    check_forms(deep);
    const auto wide = store.manager.get_artifact_lineage(ids.back()).value();
    CHECK(wide.nodes.size() == many + 1);
    CHECK(wide.nodes.back().depth == 1);
    check_forms(wide);
    CHECK_FALSE((deep.truncated || wide.truncated));
    // The cycle that a link would close is named, though not with all of its 20,000 members.
    const auto said = message_of<Conflict>([&] { store.manager.link_artifacts({{ids.front()}, ids[many]}); });
    CHECK(said.find(ids.front().str()) != std::string::npos);
    CHECK(said.find(ids[many].str()) != std::string::npos);
    CHECK(said.size() < 2000);
}
