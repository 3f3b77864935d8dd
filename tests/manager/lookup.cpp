#include <algorithm>
#include <utility>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

std::vector<std::string> ids_of(const std::vector<Artifact>& artifacts) {
    std::vector<std::string> ids;
    for (const auto& artifact : artifacts) ids.push_back(artifact.id.str());
    return ids;
}

// Forty artifacts of all kinds, some of them in a run.
void fill(Store& store) {
    const ArtifactType types[] = {ArtifactType::video_raw, ArtifactType::text_deid, ArtifactType::log};
    const ArtifactStatus statuses[] = {ArtifactStatus::pending, ArtifactStatus::in_progress, ArtifactStatus::completed};
    auto run = store.manager.start_processing_run();
    std::vector<NewArtifact> batch;
    for (std::size_t i = 0; i < 40; ++i) {
        if (i == 25) (void)store.manager.create_artifacts(std::exchange(batch, {}));
        if (i == 25) run.end();
        batch.push_back(
            {.type = types[i % 3], .processing_module = i % 2 == 0 ? "even" : "odd", .status = statuses[(i / 3) % 3]});
    }
    (void)store.manager.create_artifacts(batch);
}

}  // namespace

TEST_CASE("every filter of a list lets through just what it should, newest first") {
    Store store;
    fill(store);
    const auto all = store.manager.list_artifacts();
    REQUIRE(all.size() == 40);
    for (std::size_t i = 1; i < all.size(); ++i) CHECK(all[i - 1].created_at >= all[i].created_at);
    const auto run = store.manager.list_runs().front().id;
    const std::vector<std::pair<ArtifactQuery, std::function<bool(const Artifact&)>>> filters = {
        {{.type = ArtifactType::log}, [](const Artifact& a) { return a.type == ArtifactType::log; }},
        {{.status = ArtifactStatus::pending}, [](const Artifact& a) { return a.status == ArtifactStatus::pending; }},
        {{.type = ArtifactType::text_deid, .status = ArtifactStatus::completed},
         [](const Artifact& a) { return a.type == ArtifactType::text_deid && a.status == ArtifactStatus::completed; }},
        {{.run = run}, [&](const Artifact& a) { return a.run == run; }},
        {{.type = ArtifactType::log, .run = run}, [&](const Artifact& a) { return a.run == run && a.type == ArtifactType::log; }},
        {{.processing_module = "odd"}, [](const Artifact& a) { return a.processing_module == "odd"; }},
        {{.since = all[10].created_at}, [&](const Artifact& a) { return a.created_at >= all[10].created_at; }},
        {{.until = all[10].created_at}, [&](const Artifact& a) { return a.created_at < all[10].created_at; }},
        {{.status = ArtifactStatus::archived}, [](const Artifact&) { return false; }},
    };
    for (const auto& [query, wanted] : filters) {
        std::vector<std::string> expected;
        for (const auto& artifact : all) {
            if (wanted(artifact)) expected.push_back(artifact.id.str());
        }
        CHECK(ids_of(store.manager.list_artifacts(query)) == expected);
        // Page by page it is the same, whatever the size of a page.
        for (const std::size_t size : {1U, 3U, 7U, 100U}) {
            auto page = query;
            page.limit = size;
            std::vector<std::string> together;
            for (;;) {
                const auto some = store.manager.list_artifacts(page);
                CHECK(some.size() <= size);
                for (const auto& id : ids_of(some)) together.push_back(id);
                if (some.size() < size) break;
                page.after = some.back().id;
            }
            CHECK(together == expected);
        }
    }
}

TEST_CASE("a page begins where the last one ended though artifacts come in meanwhile") {
    Store store;
    fill(store);
    const auto first = store.manager.list_artifacts({.limit = 5});
    const auto second = store.manager.list_artifacts({.limit = 5, .after = first.back().id});
    (void)store.add_bare();
    store.manager.update_artifact_status(first.back().id, ArtifactStatus::failed);
    CHECK(ids_of(store.manager.list_artifacts({.limit = 5, .after = first.back().id})) == ids_of(second));
    CHECK_THROWS_AS((void)store.manager.list_artifacts({.after = ArtifactId::random()}), NotFound);
    CHECK_THROWS_AS((void)store.manager.list_artifacts({.run = RunId::random()}), NotFound);
    CHECK_THROWS_AS((void)store.manager.list_artifacts({.processing_module = "\xff"}), InvalidArgument);
}

TEST_CASE("an artifact's JSON has the original's thirteen keys in their order") {
    Store store;
    const auto source = store.add_bare();
    const auto made = store.manager.create_artifact({.type = ArtifactType::text_raw,
                                                     .content = "t",
                                                     .file_name = "a.txt",
                                                     .source_artifacts = {source.id},
                                                     .processing_module = "m",
                                                     .metadata = {{"pages", 2}}});
    const auto form = to_json(made, store.manager.storage_path());
    std::vector<std::string> keys;
    for (const auto& [key, value] : form.items()) keys.push_back(key);
    CHECK(keys == std::vector<std::string>{"artifact_id", "artifact_type", "status", "created_at", "updated_at",
                                           "source_artifacts", "processing_module", "processing_version", "file_path",
                                           "file_size", "checksum", "metadata", "error_message", "run_id", "file_name",
                                           "removed_at"});
    CHECK(form.at("file_path") == (store.manager.storage_path() / made.file_path).string());
    CHECK(form.at("metadata") == ordered_json{{"pages", 2}, {"derived_from_artifacts", {source.id.str()}}});
    CHECK(form.at("error_message").is_null());
}

TEST_CASE("types are registered once, with one sensitivity") {
    Store store;
    CHECK(store.manager.artifact_types().size() == 11);
    const ArtifactType gait("gait_signal");
    CHECK_THROWS_AS((void)store.add_bare(gait), InvalidArgument);
    store.manager.register_artifact_type(gait, Sensitivity::identified);
    store.manager.register_artifact_type(gait, Sensitivity::identified);
    CHECK_THROWS_AS(store.manager.register_artifact_type(gait, Sensitivity::neutral), Conflict);
    CHECK_THROWS_AS(store.manager.register_artifact_type(ArtifactType::video_raw, Sensitivity::deidentified), Conflict);
    const auto raw = store.add(gait, "signal");
    CHECK_THROWS_AS((void)store.add(ArtifactType::text_deid, "signal", {raw.id}), Refused);
    const auto types = store.manager.artifact_types();
    REQUIRE(types.size() == 12);
    const auto found = std::find_if(types.begin(), types.end(), [&](const auto& info) { return info.type == gait; });
    REQUIRE(found != types.end());
    CHECK_FALSE(found->built_in);
    CHECK(found->sensitivity == Sensitivity::identified);
    CHECK(store.manager.get_statistics().artifact_counts.at("gait_signal") == 1);
}

TEST_CASE("statistics equal what a recount says, after changes of every kind") {
    Store store;
    fill(store);
    const auto pair = store.add(ArtifactType::video_raw, "shared");
    (void)store.add(ArtifactType::video_raw, "shared");
    (void)store.add(ArtifactType::log, "other");
    store.manager.update_artifact_status(pair.id, ArtifactStatus::failed, "x");
    CHECK_THROWS_AS((void)store.manager.update_artifact_status(pair.id, ArtifactStatus::completed), Conflict);
    (void)store.manager.cleanup_old_artifacts({.older_than_days = 0, .type = ArtifactType::log});
    (void)store.manager.get_artifact(ArtifactId::random());
    const auto statistics = store.manager.get_statistics();
    auto raw = store.raw();
    const auto count = [&](const std::string& from) {
        return static_cast<std::uint64_t>(raw.number("SELECT count(*) FROM " + from));
    };
    CHECK(statistics.total_artifacts == count("artifacts"));
    for (const auto& [type, number] : statistics.artifact_counts)
        CHECK(number == count("artifacts WHERE artifact_type = '" + type + "'"));
    for (const auto& [status, number] : statistics.by_status) CHECK(number == count("artifacts WHERE status = '" + status + "'"));
    CHECK(statistics.total_payloads == 1);
    CHECK(statistics.total_size_bytes == 6);
    CHECK(statistics.runs_by_status == std::map<std::string, std::uint64_t>{{"completed", 1}});
    CHECK(statistics.total_errors == 1);
    CHECK(statistics.errors_by_operation == std::map<std::string, std::uint64_t>{{"artifact_update", 1}});
    Store quiet({.enable_audit = false});
    CHECK_FALSE(quiet.manager.get_statistics().total_errors.has_value());
    CHECK_FALSE(to_json(quiet.manager.get_statistics()).contains("audit"));
}

TEST_CASE("a list's entry tells every filter, and the run that it was made in") {
    Store store;
    auto asked = store.manager.start_processing_run();
    const auto made = store.add_bare();
    asked.end();
    const auto time = Timestamp::parse("2026-01-01");
    ArtifactQuery query{.type = ArtifactType::metadata, .status = ArtifactStatus::completed, .run = asked.id()};
    query.processing_module = "blur";
    query.since = query.until = time;
    query.after = made.id;
    query.limit = 7;
    (void)store.manager.list_artifacts(query);
    CHECK(store.last_entry().at("run_id").is_null());
    CHECK(store.last_entry().at("details") == json{{"artifact_type", "metadata"},
                                                   {"status", "completed"},
                                                   {"run_id", asked.id().str()},
                                                   {"module", "blur"},
                                                   {"since", time.str()},
                                                   {"until", time.str()},
                                                   {"after", made.id.str()},
                                                   {"limit", 7},
                                                   {"result_count", 0}});
    const auto running = store.manager.start_processing_run();
    (void)store.manager.list_artifacts();
    CHECK(store.last_entry().at("run_id") == running.id().str());
}
