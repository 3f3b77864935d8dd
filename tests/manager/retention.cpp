#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

std::vector<ArtifactId> collected(Store& store, std::vector<KeptArtifact>* kept = nullptr) {
    const auto report = store.manager.collect_garbage();
    std::vector<ArtifactId> ids;
    for (const auto& each : report.removed) ids.push_back(each.id);
    if (kept != nullptr) *kept = report.kept;
    return ids;
}

void age(const Store& store, const Artifact& artifact, int days) {
    const Timestamp then(Timestamp::now().time() - std::chrono::days(days));
    store.raw(Raw::As::writer)
        .run("UPDATE artifacts SET created_at = '" + then.str() + "' WHERE artifact_id = '" + artifact.id.str() + "'");
}

}  // namespace

TEST_CASE("a policy is set, changed and removed, each with an entry that says what it became") {
    Store store;
    const auto set = store.manager.set_retention(ArtifactType::log, {.days = 30, .reason = "SOP 12"});
    CHECK(set.type == ArtifactType::log);
    CHECK(set.days == 30);
    CHECK_FALSE(set.when_descendants_completed);
    CHECK(set.reason == "SOP 12");
    CHECK(set.set_by == "tester");
    (void)store.manager.set_retention(ArtifactType::log, {.days = 60, .when_descendants_completed = true});
    const auto entries = store.entries("artifact_type", "set_retention");
    REQUIRE(entries.size() == 2);
    const auto& details = entries[1].at("details");
    CHECK(details.at("artifact_type") == "log");
    CHECK(details.at("days") == 60);
    CHECK(details.at("when_descendants_completed") == true);
    CHECK(details.at("reason").is_null());
    CHECK(details.at("old") == json{{"days", 30}, {"when_descendants_completed", false}});
    CHECK(entries[0].at("details").at("old").is_null());
    CHECK(entries[0].at("details").at("reason").get<std::string>().rfind("sha256:", 0) == 0);
    // The row is what the entry says.
    auto raw = store.raw();
    CHECK(raw.number("SELECT seq FROM retention_policies") == entries[1].at("seq").get<std::int64_t>());
    CHECK(raw.text("SELECT days || ' ' || when_descendants_completed FROM retention_policies") == "60 1");
    REQUIRE(store.manager.list_retention().size() == 1);
    CHECK(store.manager.list_retention()[0].reason.empty());
    store.manager.remove_retention(ArtifactType::log, "SOP 13");
    CHECK(store.last_entry().at("details").at("old") == json{{"days", 60}, {"when_descendants_completed", true}});
    CHECK(store.manager.list_retention().empty());
    CHECK(store.manager.verify().ok());
}

TEST_CASE("what is no policy is refused, and nothing changes") {
    Store store;
    const Trace before(store);
    CHECK_THROWS_AS(store.manager.set_retention(ArtifactType::log, {.days = -1}), InvalidArgument);
    CHECK_THROWS_AS(store.manager.set_retention(ArtifactType("unheard_of"), {.days = 1}), InvalidArgument);
    CHECK_THROWS_AS(store.manager.remove_retention(ArtifactType::log), NotFound);
    before.check_unchanged(3);
    CHECK_FALSE(store.raw().refusal("INSERT INTO retention_policies VALUES ('log', 1, 0, 1)").empty());
}

TEST_CASE("gc takes what its type's policy says is old enough, and says under which policy it went") {
    Store store;
    const auto young = store.add(ArtifactType::log, "young");
    const auto old = store.add(ArtifactType::log, "old");
    const auto other = store.add(ArtifactType::video_raw, "no policy");
    for (const auto& each : {old, other}) age(store, each, 31);
    (void)store.manager.set_retention(ArtifactType::log, {.days = 30, .reason = "SOP 12"});
    const auto policy = store.last_entry().at("seq").get<std::int64_t>();
    CHECK(collected(store) == std::vector{old.id});
    CHECK(collected(store).empty());
    CHECK(store.manager.get_artifact_file(young.id).has_value());
    CHECK_FALSE(std::filesystem::exists(store.blob(old)));
    const auto rows = store.raw().rows(
        "SELECT artifact_id, removed_by, older_than_days, policy_seq, when_descendants_completed, reason FROM review_removals");
    REQUIRE(rows.size() == 1);
    CHECK(rows[0] == std::vector<std::string>{old.id.str(), "tester", "30", std::to_string(policy), "0", "SOP 12"});
    const auto entries = store.entries("artifact_cleanup", "remove_old");
    REQUIRE(entries.size() == 1);
    CHECK(entries[0].at("details").at("policy_seq") == policy);
    // A reason of the removal's own goes before the policy's.
    age(store, young, 31);
    (void)store.manager.collect_garbage({.reason = "end of study"});
    CHECK(store.raw().text("SELECT reason FROM review_removals WHERE artifact_id = '" + young.id.str() + "'") == "end of study");
}

TEST_CASE("a reason of cleanup is kept with each removal") {
    Store store;
    const auto one = store.add(ArtifactType::log, "one");
    (void)store.manager.cleanup_old_artifacts({.older_than_days = 0, .reason = "consent withdrawn"});
    CHECK(store.raw().rows("SELECT artifact_id, policy_seq IS NULL, reason FROM review_removals") ==
          std::vector<std::vector<std::string>>{{one.id.str(), "1", "consent withdrawn"}});
    const auto seq = store.raw().number("SELECT seq FROM review_removals");
    (void)store.manager.audit().redact({seq}, "", "names a patient");
    CHECK(store.raw().text("SELECT reason FROM review_removals") == "withdrawn");
}

TEST_CASE("without the condition descendants don't count; with it all of them do, however far") {
    Store store;
    const auto source = store.add(ArtifactType::video_raw, "source");
    const auto middle = store.add(ArtifactType::video_keypoints, "middle", {source.id});
    const auto last = store.manager.create_artifact(
        {.type = ArtifactType::video_deid, .source_artifacts = {middle.id}, .status = ArtifactStatus::pending});
    (void)store.manager.set_retention(ArtifactType::video_raw, {.days = 0, .when_descendants_completed = true});
    std::vector<KeptArtifact> kept;
    const auto kept_because = [&](const char* status) {
        CHECK(collected(store, &kept).empty());
        REQUIRE(kept.size() == 1);
        CHECK(kept[0].id == source.id);
        CHECK(kept[0].reason == "descendant " + last.id.str() + " is " + status);
    };
    kept_because("pending");
    SUBCASE("the condition goes") {
        (void)store.manager.set_retention(ArtifactType::video_raw, {.days = 0});
        CHECK(collected(store) == std::vector{source.id});
    }
    SUBCASE("the descendant is done") {
        store.manager.update_artifact_status(last.id, ArtifactStatus::in_progress);
        kept_because("in_progress");
        store.manager.update_artifact_status(last.id, ArtifactStatus::failed, "x");
        kept_because("failed");
        store.manager.update_artifact_status(last.id, ArtifactStatus::archived);
        CHECK(collected(store) == std::vector{source.id});
    }
    CHECK(store.manager.get_artifact_lineage(last.id).value().edges.size() == 2);
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("holds and unfinished runs win over every policy") {
    Store store;
    const auto held = store.add(ArtifactType::log, "held");
    store.manager.add_hold(held.id, "litigation");
    auto run = store.manager.start_processing_run();
    const auto used = store.add(ArtifactType::log, "used");
    (void)store.manager.set_retention(ArtifactType::log, {.days = 0});
    std::vector<KeptArtifact> kept;
    CHECK(collected(store, &kept).empty());
    REQUIRE(kept.size() == 2);
    CHECK(kept[0].reason == "on hold");
    CHECK(kept[1].reason == "used by unfinished run " + run.id().str());
    run.end();
    CHECK(collected(store) == std::vector{used.id});
    store.manager.remove_hold(held.id);
    CHECK(collected(store) == std::vector{held.id});
}
