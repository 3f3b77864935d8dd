#include <cerrno>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

void age(const Store& store, const Artifact& artifact, int days) {
    const Timestamp then(Timestamp::now().time() - std::chrono::days(days));
    store.raw(Raw::As::writer)
        .run("UPDATE artifacts SET created_at = '" + then.str() + "' WHERE artifact_id = '" + artifact.id.str() + "'");
}

std::vector<ArtifactId> removed(Store& store, const CleanupOptions& options) {
    return store.manager.cleanup_old_artifacts(options).removed;
}

}  // namespace

TEST_CASE("cleanup takes what is old enough, of the type and status that were asked for") {
    Store store;
    const auto young = store.add(ArtifactType::log, "young");
    const auto old = store.add(ArtifactType::log, "old");
    const auto older = store.add(ArtifactType::video_raw, "older");
    store.manager.update_artifact_status(older.id, ArtifactStatus::archived);
    age(store, old, 31);
    age(store, older, 90);
    (void)store.add_bare();  // has nothing to remove
    const CleanupOptions none{.older_than_days = 91};
    CHECK(removed(store, none).empty());
    CHECK(removed(store, {.older_than_days = 30, .type = ArtifactType::audio_raw}).empty());
    CHECK(removed(store, {.older_than_days = 30, .status = ArtifactStatus::failed}).empty());
    CHECK(removed(store, {.older_than_days = 30, .status = ArtifactStatus::archived}) == std::vector{older.id});
    CHECK(removed(store, {.type = ArtifactType::log}) == std::vector{old.id});  // 30 days is the default
    CHECK(removed(store, {.older_than_days = 3650000}).empty());
    CHECK(removed(store, {.older_than_days = 0}) == std::vector{young.id});
    CHECK(removed(store, {.older_than_days = 0}).empty());  // only once
    CHECK(store.raw().number("SELECT count(*) FROM artifacts WHERE removed_at IS NOT NULL") == 3);
    CHECK(store.raw().number("SELECT count(*) FROM review_removals WHERE removed_by = 'tester'") == 3);
}

TEST_CASE("a dry run says what would go, and changes nothing") {
    Store store;
    const auto first = store.add(ArtifactType::log, "12345");
    const auto held = store.add(ArtifactType::log, "held");
    store.manager.add_hold(held.id, "litigation");
    const Trace before(store);
    const auto report = store.manager.cleanup_old_artifacts({.older_than_days = 0, .dry_run = true});
    CHECK(report.dry_run);
    CHECK(report.removed == std::vector{first.id});
    CHECK(report.removed_bytes == 5);
    CHECK(report.kept.size() == 1);
    before.check_unchanged();
    CHECK(store.last_entry().at("details").at("dry_run") == true);
    CHECK(slurp(store.manager.get_artifact_file(first.id).value()) == "12345");
}

TEST_CASE("an artifact on hold is kept until the hold is lifted") {
    Store store;
    const auto held = store.add(ArtifactType::log, "held");
    const auto hold = store.manager.add_hold(held.id, "litigation");
    (void)store.manager.add_hold(held.id, "audit");
    CHECK(hold.placed_by == "tester");
    CHECK(store.manager.list_holds().size() == 2);
    CHECK(store.manager.list_holds().front().reason == "litigation");
    const auto report = store.manager.cleanup_old_artifacts({.older_than_days = 0});
    CHECK(report.removed.empty());
    REQUIRE(report.kept.size() == 1);
    CHECK(report.kept[0].reason == "on hold");
    CHECK_THROWS_AS(store.manager.add_hold(held.id, ""), InvalidArgument);
    CHECK_THROWS_AS(store.manager.add_hold(ArtifactId::random(), "why"), NotFound);
    CHECK_THROWS_AS(store.manager.remove_hold(ArtifactId::random()), NotFound);
    CHECK_THROWS_AS(store.manager.add_hold(held.id, " \n"), InvalidArgument);
    CHECK_THROWS_AS(store.manager.remove_hold(held.id, "settled", hold.hold_id + 5), NotFound);
    const auto third = store.manager.add_hold(held.id, "a third");
    CHECK(store.manager.remove_hold(held.id, "settled", third.hold_id) == 1);
    CHECK(store.manager.list_holds().size() == 2);
    CHECK(store.manager.remove_hold(held.id, "settled") == 2);
    CHECK_THROWS_AS(store.manager.remove_hold(held.id), NotFound);
    CHECK(store.manager.list_holds().empty());
    CHECK(store.raw().number("SELECT count(*) FROM review_holds WHERE active = 0 AND removed_by = 'tester'") == 3);
    CHECK(removed(store, {.older_than_days = 0}) == std::vector{held.id});
}

TEST_CASE("what an unfinished run made or uses is left alone") {
    Store store;
    const auto input = store.add(ArtifactType::text_raw, "in");
    auto run = store.manager.start_processing_run();
    const auto output = store.add(ArtifactType::text_deid, "out", {input.id});
    const auto report = store.manager.cleanup_old_artifacts({.older_than_days = 0});
    CHECK(report.removed.empty());
    REQUIRE(report.kept.size() == 2);
    for (const auto& kept : report.kept) CHECK(kept.reason == "used by unfinished run " + run.id().str());
    run.end();
    CHECK(removed(store, {.older_than_days = 0}) == std::vector{input.id, output.id});
}

TEST_CASE("a source stays while a dependent is pending, in progress or failed, and goes once it is done") {
    Store store;
    const auto source = store.add(ArtifactType::text_raw, "source");
    const auto dependent = store.manager.create_artifact(
        {.type = ArtifactType::text_deid, .source_artifacts = {source.id}, .status = ArtifactStatus::pending});
    const auto kept_because = [&](const char* status) {
        const auto report = store.manager.cleanup_old_artifacts({.older_than_days = 0});
        CHECK(report.removed.empty());
        REQUIRE(report.kept.size() == 1);
        CHECK(report.kept[0].reason == "dependent " + dependent.id.str() + " is " + status);
    };
    kept_because("pending");
    store.manager.update_artifact_status(dependent.id, ArtifactStatus::in_progress);
    kept_because("in_progress");
    store.manager.update_artifact_status(dependent.id, ArtifactStatus::failed, "x");
    kept_because("failed");
    store.manager.update_artifact_status(dependent.id, ArtifactStatus::archived);
    CHECK(removed(store, {.older_than_days = 0}) == std::vector{source.id});
    // Record, links and trail stay.
    CHECK(store.manager.get_artifact_lineage(dependent.id).value().edges.size() == 1);
    CHECK(store.manager.audit().get_artifact_history(source.id).back().entry.at("action") == "remove_old");
}

TEST_CASE("content that two artifacts share goes with the last of them, and comes back when it is added again") {
    Store store;
    const auto first = store.add(ArtifactType::log, "shared");
    const auto second = store.add(ArtifactType::log, "shared");
    store.manager.add_hold(second.id, "keep");
    const auto once = store.manager.cleanup_old_artifacts({.older_than_days = 0});
    CHECK(once.removed == std::vector{first.id});
    CHECK(once.removed_files == 0);
    CHECK(slurp(store.manager.get_artifact_file(second.id).value()) == "shared");
    CHECK_FALSE(store.manager.get_artifact_file(first.id).has_value());
    store.manager.remove_hold(second.id);
    const auto twice = store.manager.cleanup_old_artifacts({.older_than_days = 0});
    CHECK(twice.removed_files == 1);
    CHECK(twice.removed_bytes == 6);
    CHECK_FALSE(std::filesystem::exists(store.blob(first)));
    CHECK(store.manager.get_statistics().total_size_bytes == 0);

    const auto third = store.add(ArtifactType::log, "shared");
    CHECK(slurp(store.manager.get_artifact_file(third.id).value()) == "shared");
    CHECK_FALSE(store.manager.get_artifact_file(first.id).has_value());  // removed is removed
    CHECK(store.manager.get_statistics().total_payloads == 1);
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("more than one batch of old payloads goes, with an entry for each") {
    Store store;
    std::vector<NewArtifact> batch;
    for (int i = 0; i < 510; ++i) batch.push_back({.type = ArtifactType::log, .content = "log " + std::to_string(i % 20)});
    (void)store.manager.create_artifacts(batch);
    const auto report = store.manager.cleanup_old_artifacts({.older_than_days = 0});
    CHECK(report.removed.size() == 510);
    CHECK(report.removed_files == 20);
    CHECK(store.raw().number(
              "SELECT count(*) FROM audit_entries WHERE operation = 'artifact_cleanup' AND artifact_id IS NOT NULL") == 510);
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("a cleanup of a type that is not registered is refused") {
    Store store;
    CHECK_THROWS_AS((void)store.manager.cleanup_old_artifacts({.type = ArtifactType("unheard_of"), .dry_run = true}),
                    InvalidArgument);
    CHECK_THROWS_AS((void)store.manager.cleanup_old_artifacts({.type = ArtifactType("unheard_of")}), InvalidArgument);
    CHECK(store.last_entry().at("outcome") == "refused");
    store.manager.register_artifact_type(ArtifactType("unheard_of"), Sensitivity::neutral);
    CHECK_NOTHROW((void)store.manager.cleanup_old_artifacts({.type = ArtifactType("unheard_of")}));
}

TEST_CASE("a cleanup that is stopped between two batches is recorded, and what went is gone") {
    Store store;
    std::vector<NewArtifact> batch;
    for (int i = 0; i < 510; ++i) batch.push_back({.type = ArtifactType::log, .content = "log " + std::to_string(i % 20)});
    (void)store.manager.create_artifacts(batch);
    const CleanupOptions stopped{.older_than_days = 0,
                                 .progress = [](std::uint64_t, std::uint64_t) { throw IoError("stopped", EINTR); }};
    CHECK_THROWS_AS((void)store.manager.cleanup_old_artifacts(stopped), IoError);
    CHECK(store.last_entry().at("action") == "remove_old");
    CHECK(store.last_entry().at("outcome") == "failed");
    CHECK(store.raw().number("SELECT count(*) FROM artifacts WHERE removed_at IS NOT NULL") == 500);
    CHECK(store.manager.verify().ok());
    CHECK(store.manager.cleanup_old_artifacts({.older_than_days = 0}).removed.size() == 10);
}
