#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

TEST_CASE("a cycle is refused and named") {
    Store store;
    const auto a = store.add_bare();
    const auto b = store.add_bare(ArtifactType::metadata, {a.id});
    const auto c = store.add_bare(ArtifactType::metadata, {b.id});
    const auto said = message_of<Conflict>([&] { store.manager.link_artifacts({{c.id}, a.id}); });
    const auto place = [&](const Artifact& artifact) { return said.find(artifact.id.str()); };
    CHECK(place(a) < place(b));
    CHECK(place(b) < place(c));
    CHECK(said.rfind(a.id.str()) > place(c));  // and back to where it began
    // One bad source of many spoils the link: none of them is made.
    const auto other = store.add_bare();
    CHECK_THROWS_AS(store.manager.link_artifacts({{other.id, c.id}, a.id}), Conflict);
    CHECK(store.rows().at("lineage_edges") == 2);
}

TEST_CASE("a link needs a source, a known output and a well-formed kind") {
    Store store;
    const auto a = store.add_bare();
    const auto b = store.add_bare();
    const Trace before(store);
    CHECK_THROWS_AS(store.manager.link_artifacts({{}, a.id}), InvalidArgument);
    CHECK_THROWS_AS(store.manager.link_artifacts({{a.id}, ArtifactId::random()}), NotFound);
    for (const char* kind : {"", "Derived", "1st", "a b", "a-b", "a\n"}) {
        CHECK_THROWS_AS(store.manager.link_artifacts({{a.id}, b.id, kind}), InvalidArgument);
    }
    CHECK_THROWS_AS(store.manager.link_artifacts({{a.id}, b.id, std::string(64, 'a')}), InvalidArgument);
    before.check_unchanged(9);
    CHECK(store.manager.link_artifacts({{a.id}, b.id, std::string(63, 'a')}) == 1);
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("a link that would make a release descend from its own identified bytes is refused") {
    Store store;
    const auto released = store.add(ArtifactType::video_deid, "face");  // nothing tells yet whose it is
    const auto raw = store.add(ArtifactType::video_raw, "face");
    const auto middle = store.add_bare(ArtifactType::metadata);
    CHECK(store.manager.link_artifacts({{middle.id}, released.id}) == 1);
    const auto rows = store.rows();
    for (const auto& output : {released.id, middle.id}) {  // directly, or further up
        try {
            store.manager.link_artifacts({{raw.id}, output});
            FAIL("it was linked");
        } catch (const Refused& refused) {
            CHECK(refused.rule() == "identified_release");
        }
        CHECK(store.last_entry().at("details").at("identified_artifact_id") == raw.id.str());
    }
    CHECK(store.rows() == rows);
}

TEST_CASE("a link that releases what is identified can be made on purpose, and repeated") {
    Store store;
    const auto raw = store.add(ArtifactType::video_raw, "face");
    const auto meant = store.manager.create_artifact(
        {.type = ArtifactType::video_deid, .content = "face", .source_artifacts = {raw.id}, .allow_identified_release = true});
    CHECK(store.manager.link_artifacts({{raw.id}, meant.id}) == 0);  // it is there
    CHECK_FALSE(store.last_entry().at("details").contains("rule"));
    CHECK_THROWS_AS(store.manager.link_artifacts({{raw.id}, meant.id, "copied_from"}), Refused);
    const auto released = store.add(ArtifactType::video_deid, "smile");
    const auto later = store.add(ArtifactType::video_raw, "smile");
    CHECK_THROWS_AS(store.manager.link_artifacts({{later.id}, released.id}), Refused);
    CHECK(store.manager.link_artifacts({{later.id}, released.id, "derived_from", true}) == 1);
    CHECK(store.last_entry().at("details").at("release_override") == true);
    CHECK(store.last_entry().at("details").at("identified_artifact_id") == later.id.str());
    CHECK(store.manager.link_artifacts({{later.id}, released.id}) == 0);
    CHECK(store.manager.verify().ok());
}

TEST_CASE("a link's entry tells what was linked, to what, and how") {
    Store store;
    const auto a = store.add_bare();
    const auto b = store.add_bare();
    store.manager.link_artifacts({{a.id}, b.id, "redacted_by"});
    const auto entry = store.last_entry();
    CHECK(entry.at("artifact_id") == b.id.str());
    CHECK(entry.at("details").at("source_artifacts") == json::array({a.id.str()}));
    CHECK(entry.at("details").at("relationship") == "redacted_by");
    CHECK(entry.at("details").at("added_count") == 1);
}

TEST_CASE("a link to the output of a run that has ended leaves the run's inputs as they were") {
    Store store;
    auto run = store.manager.start_processing_run();
    const auto output = store.add_bare();
    const auto early = store.manager.create_artifact({.type = ArtifactType::log});
    const auto outside = [&] {
        ArtifactManager other(store.base);
        return other.create_artifact({.type = ArtifactType::log, .content = "from elsewhere"});
    }();
    CHECK(store.manager.link_artifacts({{outside.id}, output.id}) == 1);
    CHECK(store.manager.get_run(run.id()).value().inputs == std::vector{outside.id});
    const auto id = run.id();
    run.end();
    const auto late = store.add_bare();
    CHECK(store.manager.link_artifacts({{late.id}, output.id}) == 1);
    CHECK(store.last_entry().at("run_id") == id.str());
    CHECK(store.manager.get_run(id).value().inputs == std::vector{outside.id});
    CHECK(store.manager.get_artifact(output.id).value().source_artifacts == std::vector{outside.id, late.id});
    CHECK(store.manager.verify().ok());
    (void)early;
}
