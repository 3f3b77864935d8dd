// What the original got wrong, shown right: rows 1 to 8.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

TEST_CASE("row 1: an artifact with a file is completed on disk too") {
    Store store;
    const auto made = store.add(ArtifactType::video_raw, "video");
    CHECK(made.status == ArtifactStatus::completed);
    CHECK(store.raw().text("SELECT status FROM artifacts") == "completed");
    ArtifactManager another(store.base, {.create = false});
    CHECK(another.get_artifact(made.id).value().status == ArtifactStatus::completed);
}

TEST_CASE("row 2: a diamond is no cycle") {
    Store store;
    const auto raw = store.add_bare(ArtifactType::video_raw);
    const auto keypoints = store.add_bare(ArtifactType::video_keypoints, {raw.id});
    const auto deid = store.add_bare(ArtifactType::video_deid, {raw.id, keypoints.id});
    const auto lineage = store.manager.get_artifact_lineage(deid.id).value();
    CHECK(lineage.nodes.size() == 3);  // each once
    CHECK(lineage.edges.size() == 3);  // and every edge of the diamond
    CHECK_FALSE(lineage.truncated);
    CHECK(to_json(lineage).dump().find("circular") == std::string::npos);
    // Only a real cycle is one.
    CHECK_THROWS_AS(store.manager.link_artifacts({{deid.id}, raw.id}), Conflict);
}

TEST_CASE("row 3: lineage does not die of depth") {
    Store store;
    constexpr std::size_t depth = 2000;
    const auto ids = store.add_many(depth + 1);
    std::vector<std::pair<std::size_t, std::size_t>> edges;
    for (std::size_t i = 0; i < depth; ++i) edges.emplace_back(i, i + 1);
    store.link_many(ids, edges);
    const auto lineage = store.manager.get_artifact_lineage(ids.front()).value();
    CHECK(lineage.nodes.size() == depth + 1);
    CHECK(lineage.nodes.back().depth == depth);
    CHECK(lineage.nodes.back().id == ids.back());
}

TEST_CASE("row 4: runs are written, with inputs and error messages") {
    Store store;
    const auto input = store.add(ArtifactType::text_raw, "note");
    auto run = store.manager.start_processing_run({{"pipeline", "text"}});
    const auto id = run.id();
    CHECK(ArtifactManager(store.base).get_run(id).value().status == ArtifactStatus::in_progress);
    const auto output = store.add(ArtifactType::text_deid, "n***", {input.id});
    CHECK_THROWS_AS(
        (void)store.manager.create_artifact({.type = ArtifactType::log, .source_path = store.scratch / "missing.log"}),
        SourceNotFound);
    store.manager.update_artifact_status(output.id, ArtifactStatus::failed, "names left in");
    run.end(ArtifactStatus::failed, "half done");

    ArtifactManager another(store.base);
    const auto record = another.get_run(id).value();
    CHECK(record.status == ArtifactStatus::failed);
    CHECK(record.configuration() == json{{"pipeline", "text"}});
    CHECK(record.inputs == std::vector{input.id});
    CHECK(record.outputs == std::vector{output.id});
    CHECK(record.error_message == "half done");
    REQUIRE(record.errors.size() == 3);
    CHECK(record.errors[0].find("missing.log") != std::string::npos);
    CHECK(record.errors[1] == "names left in");
    CHECK(record.errors[2] == "half done");
}

TEST_CASE("row 5: artifacts are listed by their run") {
    Store store;
    (void)store.add_bare();
    auto run = store.manager.start_processing_run();
    const auto first = store.add_bare();
    const auto second = store.add_bare();
    run.end();
    (void)store.add_bare();
    const auto listed = store.manager.list_artifacts({.run = run.id()});
    REQUIRE(listed.size() == 2);
    CHECK(listed[0].id == second.id);
    CHECK(listed[1].id == first.id);
    CHECK(listed[0].run == run.id());
}

TEST_CASE("row 6: a second run does not forget the first, and threads do not share one") {
    Store store;
    auto first = store.manager.start_processing_run();
    {
        auto second = store.manager.start_processing_run();
        CHECK(store.add_bare().run == second.id());
        std::optional<Artifact> elsewhere;
        std::thread([&] {
            CHECK_FALSE(store.manager.current_run().has_value());
            elsewhere = store.add_bare();
        }).join();
        CHECK_FALSE(elsewhere.value().run.has_value());
        second.end();
    }
    CHECK(store.manager.current_run() == first.id());
    CHECK(store.add_bare().run == first.id());
    first.end();
    CHECK_FALSE(store.manager.current_run().has_value());
}

TEST_CASE("row 7: processes at work at once lose no update, and readers meet nothing half") {
    Store store;
    constexpr int processes = 4;
    constexpr int links_each = 25;
    const auto output = store.add_bare();
    const auto sources = store.add_many(processes * links_each);
    std::vector<pid_t> children;
    for (int p = 0; p < processes; ++p) {
        children.push_back(::fork());
        if (children.back() != 0) continue;
        try {
            ArtifactManager own(store.base);
            for (int i = 0; i < links_each; ++i) {
                if (own.link_artifacts({{sources[static_cast<std::size_t>(p * links_each + i)]}, output.id}) != 1) ::_exit(2);
                const auto seen = own.get_artifact(output.id);
                if (!seen || seen->source_artifacts.size() < static_cast<std::size_t>(i + 1)) ::_exit(3);
            }
        } catch (const std::exception&) {
            ::_exit(4);
        }
        ::_exit(0);
    }
    for (const auto child : children) {
        int status = 0;
        ::waitpid(child, &status, 0);
        CHECK(status == 0);
    }
    CHECK(store.manager.get_artifact(output.id).value().source_artifacts.size() == processes * links_each);
    CHECK(store.entries("artifact_link", "create_relationship").size() == processes * links_each);
}

TEST_CASE("row 8: links refuse unknown sources and the artifact itself, and keep each kind") {
    Store store;
    const auto source = store.add_bare();
    const auto other = store.add_bare();
    const auto output = store.add_bare();
    const Trace before(store);
    CHECK_THROWS_AS(store.manager.link_artifacts({{ArtifactId::random()}, output.id}), NotFound);
    CHECK_THROWS_AS(store.manager.link_artifacts({{source.id, ArtifactId::random()}, output.id}), NotFound);
    CHECK_THROWS_AS(store.manager.link_artifacts({{output.id}, output.id}), Conflict);
    before.check_unchanged(3);

    CHECK(store.manager.link_artifacts({{source.id}, output.id, "derived_from"}) == 1);
    CHECK(store.manager.link_artifacts({{source.id, source.id}, output.id, "derived_from"}) == 0);
    CHECK(store.manager.link_artifacts({{other.id}, output.id, "derived_from"}) == 1);  // does not overwrite the first
    CHECK(store.manager.link_artifacts({{source.id}, output.id, "redacted_by"}) == 1);
    const auto linked = store.manager.get_artifact(output.id).value();
    CHECK(linked.source_artifacts == std::vector{source.id, other.id});
    const auto metadata = to_json(linked).at("metadata");
    CHECK(metadata.at("derived_from_artifacts") == json{source.id.str(), other.id.str()});
    CHECK(metadata.at("redacted_by_artifacts") == json::array({source.id.str()}));
}
