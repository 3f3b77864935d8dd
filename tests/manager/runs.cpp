#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

TEST_CASE("a run that leaves its scope is failed, and one that was moved is not") {
    Store store;
    std::optional<RunId> id;
    {
        auto run = store.manager.start_processing_run();
        id = run.id();
        auto kept = std::move(run);
        CHECK(run.ended());  // NOLINT(bugprone-use-after-move): that is the point
        CHECK_FALSE(kept.ended());
        CHECK(store.manager.current_run() == id);
    }
    const auto record = store.manager.get_run(*id).value();
    CHECK(record.status == ArtifactStatus::failed);
    CHECK(record.end_reason == "abandoned");
    CHECK(record.ended_at.has_value());
    CHECK_FALSE(store.manager.current_run().has_value());
    // Assignment ends what was there.
    auto first = store.manager.start_processing_run();
    const auto first_id = first.id();
    first = store.manager.start_processing_run();
    CHECK(store.manager.get_run(first_id).value().end_reason == "abandoned");
    first.end();
    CHECK_THROWS_AS(first.end(), InvalidState);
}

TEST_CASE("a run ends once, as completed or failed, by its handle or its id") {
    Store store;
    auto run = store.manager.start_processing_run({{"pipeline", "x"}}, {.on_behalf_of = "Dr. Who", .purpose = "study 7"});
    CHECK_THROWS_AS(run.end(ArtifactStatus::archived), InvalidArgument);
    CHECK_THROWS_AS(run.end(ArtifactStatus::completed, "but a message"), InvalidArgument);
    CHECK_FALSE(run.ended());
    const auto inside = store.add_bare();
    CHECK(store.last_entry().at("on_behalf_of") == "Dr. Who");
    CHECK(store.last_entry().at("purpose") == "study 7");
    store.manager.end_processing_run(run.id());
    CHECK_FALSE(store.manager.current_run().has_value());
    CHECK_FALSE(store.add_bare().run.has_value());
    CHECK_THROWS_AS(run.end(), Conflict);
    CHECK_THROWS_AS(store.manager.end_processing_run(run.id()), Conflict);
    CHECK_THROWS_AS(store.manager.end_processing_run(RunId::random()), NotFound);
    const auto record = store.manager.get_run(run.id()).value();
    CHECK(record.status == ArtifactStatus::completed);
    CHECK(record.end_reason == "ended");
    CHECK(record.on_behalf_of == "Dr. Who");
    CHECK(record.purpose == "study 7");
    CHECK(record.user == "tester");
    CHECK(to_json(record).at("output_artifacts") == json::array({inside.id.str()}));
    run.detach();
}

// One of them writes for those that wait: see sqlite::Database::write.
TEST_CASE("what many threads make at once belongs to the run of each") {
    Store store;
    constexpr std::size_t threads = 12, each = 25;
    std::vector<std::thread> workers;
    std::vector<std::size_t> wrong(threads);
    for (std::size_t t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
            const auto run = store.manager.start_processing_run();
            for (std::size_t i = 0; i < each; ++i) {
                const auto made = store.manager.create_artifact({.type = ArtifactType::metadata});
                const auto updated = store.manager.update_artifact_status(made.id, ArtifactStatus::archived);
                wrong[t] += made.run == run.id() && updated.run == run.id() ? 0U : 1U;
            }
        });
    }
    for (auto& worker : workers) worker.join();
    CHECK(wrong == std::vector<std::size_t>(threads));
    CHECK(store.raw().number("SELECT count(*) FROM audit_entries WHERE operation IN ('artifact_creation', 'artifact_update') "
                             "AND run_id IS NULL") == 0);
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("threads run runs side by side, and a run may be ended by another thread") {
    Store store;
    constexpr int threads = 6;
    std::vector<std::thread> workers;
    std::atomic<int> wrong = 0;
    for (int t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
            auto run = store.manager.start_processing_run({{"thread", t}});
            for (int i = 0; i < 3; ++i) wrong += store.add(ArtifactType::log, std::to_string(t * 10 + i)).run == run.id() ? 0 : 1;
            run.end(t % 2 == 0 ? ArtifactStatus::completed : ArtifactStatus::failed);
        });
    }
    for (auto& worker : workers) worker.join();
    CHECK(wrong == 0);
    const auto runs = store.manager.list_runs();
    REQUIRE(runs.size() == threads);
    for (const auto& run : runs) CHECK(run.outputs.size() == 3);
    CHECK(store.manager.list_runs({.status = ArtifactStatus::failed}).size() == threads / 2);
    CHECK(store.manager.list_runs({.limit = 2}).size() == 2);
    CHECK(store.manager.list_runs({.limit = 1}).front().id == runs.front().id);
    CHECK(store.manager.list_runs({.until = runs.back().started_at}).empty());

    auto run = store.manager.start_processing_run();
    std::thread([&] { run.end(); }).join();
    CHECK_FALSE(store.manager.current_run().has_value());
    CHECK_FALSE(store.add_bare().run.has_value());
}

TEST_CASE("inputs are what came from elsewhere, once each") {
    Store store;
    const auto input = store.add(ArtifactType::text_raw, "note");
    auto run = store.manager.start_processing_run();
    const auto middle = store.add_bare(ArtifactType::metadata, {input.id});
    const auto last = store.add_bare(ArtifactType::metadata, {middle.id, input.id});
    const auto later = store.add_bare(ArtifactType::metadata);
    store.manager.link_artifacts({{input.id}, later.id});
    run.end();
    const auto record = store.manager.get_run(run.id()).value();
    CHECK(record.inputs == std::vector{input.id});
    CHECK(record.outputs == std::vector{middle.id, last.id, later.id});
    CHECK(record.errors.empty());
}

TEST_CASE("the run of a process that died ends as lost, and its files can be cleaned") {
    Store store;
    const auto code = in_child([&] {
        ArtifactManager own(store.base);
        auto run = own.start_processing_run({{"doomed", true}});
        (void)own.create_artifact({.type = ArtifactType::log, .content = "half a log"});
        ::_exit(7);
        return 0;
    });
    CHECK(code == 7);
    CHECK(store.manager.list_runs().front().status == ArtifactStatus::in_progress);
    CHECK(store.manager.cleanup_old_artifacts({.older_than_days = 0}).kept.size() == 1);
    const auto living = store.manager.start_processing_run();
    ArtifactManager next(store.base);
    const auto lost = next.list_runs({.status = ArtifactStatus::failed});
    REQUIRE(lost.size() == 1);
    CHECK(lost[0].end_reason == "lost");
    CHECK(lost[0].errors.size() == 1);
    CHECK(store.entries("processing_run", "lost").size() == 1);
    CHECK(next.get_run(living.id()).value().status == ArtifactStatus::in_progress);  // this process is alive
    CHECK(next.cleanup_old_artifacts({.older_than_days = 0}).removed.size() == 1);
}

TEST_CASE("a detached run outlives its process until its time is over") {
    Store store;
    CHECK_THROWS_AS((void)store.manager.start_processing_run({}, {.time_to_live = std::chrono::seconds(-1)}), InvalidArgument);
    const auto code = in_child([&] {
        ArtifactManager own(store.base);
        own.start_processing_run({{"which", "long"}}, {.time_to_live = std::chrono::hours(1)}).detach();
        own.start_processing_run({{"which", "short"}}, {.time_to_live = std::chrono::seconds(1)}).detach();
        ::_exit(0);
        return 0;
    });
    CHECK(code == 0);
    CHECK(ArtifactManager(store.base).list_runs({.status = ArtifactStatus::in_progress}).size() == 2);
    store.raw(Raw::As::writer)
        .run("UPDATE runs SET expires_at = '2020-01-01T00:00:00.000000+00:00' WHERE configuration LIKE '%short%'");
    ArtifactManager next(store.base);
    const auto open = next.list_runs({.status = ArtifactStatus::in_progress});
    REQUIRE(open.size() == 1);
    CHECK(open[0].configuration().at("which") == "long");
    CHECK(next.list_runs({.status = ArtifactStatus::failed}).front().end_reason == "expired");
    CHECK(next.create_artifact({.type = ArtifactType::log, .run = open[0].id}).run == open[0].id);
    next.end_processing_run(open[0].id, ArtifactStatus::completed);
}
