// link and lineage.
#include <doctest/doctest.h>

#include "tools/command.hpp"

using namespace custody::testing;
using custody::ordered_json;

namespace {

/// raw → keypoints → deid, raw → deid.
struct Diamond : Bench {
    std::string raw = done("add --type video_raw");
    std::string keypoints = done("add --type video_keypoints --source " + raw);
    std::string deid = done("add --type video_deid --source " + raw + " --source " + keypoints);
};

}  // namespace

TEST_CASE("lineage goes up, down and both ways, as flat JSON") {
    const Diamond bench;
    const auto up = bench.json_of("lineage " + bench.deid);
    CHECK(up["root"] == bench.deid);
    CHECK(up["nodes"].size() == 3);
    CHECK(up["edges"].size() == 3);
    CHECK(up["truncated"] == false);
    CHECK(up == ordered_json::parse(bench.done("lineage --format json " + bench.deid)));
    CHECK(bench.json_of("lineage --up " + bench.raw)["nodes"].size() == 1);
    CHECK(bench.json_of("lineage --down " + bench.raw)["nodes"].size() == 3);
    CHECK(bench.json_of("lineage --both " + bench.keypoints)["nodes"].size() == 3);
    CHECK(bench.json_of("lineage --up --down " + bench.keypoints)["nodes"].size() == 3);
}

TEST_CASE("a depth limit cuts the lineage and says so") {
    const Bench bench;
    auto last = bench.done("add --type log");
    for (int i = 0; i < 3; ++i) last = bench.done("add --type log --source " + last);
    const auto cut = bench.custody("lineage --json --depth 1 " + last);
    CHECK(ordered_json::parse(cut.out)["nodes"].size() == 2);
    CHECK(ordered_json::parse(cut.out)["truncated"] == true);
    CHECK(contains(cut.err, "depth 1"));
}

TEST_CASE("lineage is drawn as a tree, as dot and as SVG") {
    const Diamond bench;
    const auto tree = lines_of(bench.done("lineage " + bench.deid));
    CHECK(contains(tree.at(0), bench.deid));
    CHECK(contains(tree.at(1), bench.raw));
    CHECK(bench.done("lineage --format dot " + bench.deid).rfind("digraph", 0) == 0);
    if (bench.run("command -v dot").exit_code == 0) {
        const auto svg = bench.done("lineage --format svg " + bench.deid);
        CHECK(contains(svg, "<svg"));
        CHECK(contains(svg, bench.raw.substr(0, 8)));
        CHECK(bench.custody("lineage --format svg " + bench.deid + " >/dev/full").exit_code == 1);
    } else {
        MESSAGE("graphviz is not installed: SVG was not drawn");
    }
}

TEST_CASE("without graphviz, SVG is an error that says what to install") {
    const Diamond bench;
    const auto ran = bench.run("custody=$(command -v custody); PATH=/nowhere $custody lineage --format svg " + bench.deid);
    CHECK(ran.exit_code == 1);
    CHECK(ran.out.empty());
    CHECK(contains(ran.err, "graphviz"));
    CHECK(contains(ran.err, "--format dot"));
}

TEST_CASE("a dot that fails is an error") {
    const Diamond bench;
    bench.files.file("bin/dot", "#!/bin/sh\nexit 3\n");
    const auto ran = bench.run("chmod +x bin/dot; PATH=$PWD/bin:$PATH custody lineage --format svg " + bench.deid);
    CHECK(ran.exit_code == 1);
    CHECK(contains(ran.err, "dot failed"));
}

TEST_CASE("links are added once, with their kind, and never in a circle") {
    const Bench bench;
    const auto a = bench.done("add --type log");
    const auto b = bench.done("add --type log");
    const auto c = bench.done("add --type log");
    const auto linked = bench.json_of("link " + c + " --source " + a + " --source " + b + " --relationship describes");
    CHECK(linked["links_added"] == 2);
    CHECK(linked["relationship"] == "describes");
    CHECK(contains(bench.custody("link " + c + " --source " + a + " --relationship describes").err, "linked already"));
    CHECK(bench.json_of("lineage " + c)["edges"][0]["relationship"] == "describes");
    const auto circle = bench.custody("link " + a + " --source " + c);
    CHECK(circle.exit_code == 1);
    CHECK(contains(circle.err, a));
    CHECK(bench.custody("link " + a + " --source " + a).exit_code == 1);
    CHECK(bench.json_of("show " + c)["source_artifacts"] == ordered_json::array({a, b}));
}

TEST_CASE("a link that releases what is identified is refused unless it is meant") {
    const Bench bench;
    bench.files.file("a.mp4", "face");
    const auto deid = bench.done("add --type video_deid a.mp4");  // nothing identified has these bytes yet
    const auto raw = bench.done("add --type video_raw a.mp4");
    CHECK(bench.custody("link " + deid + " --source " + raw).exit_code == 1);
    CHECK(bench.json_of("link " + deid + " --source " + raw + " --allow-identified-release")["links_added"] == 1);
}
