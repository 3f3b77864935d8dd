// Entries of reads that wait, calls in somebody else's name, and clocks.
#include <unistd.h>

#include <thread>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

std::int64_t written(const Store& store) { return Raw(store.base).number("SELECT count(*) FROM audit_entries"); }

}  // namespace

TEST_CASE("entries of reads wait, with the time of the read, for the next change, a flush or the end") {
    Store store;
    const auto made = store.add_bare();
    const auto before = written(store);
    (void)store.manager.get_artifact(made.id);
    (void)store.manager.list_artifacts();
    CHECK(written(store) == before);
    ::usleep(5000);
    const auto between = Timestamp::now();
    (void)store.add_bare();
    CHECK(written(store) == before + 3);
    const auto rows = Raw(store.base).rows("SELECT action, timestamp FROM audit_entries ORDER BY seq DESC LIMIT 3");
    CHECK(rows[0][0] == "create");
    CHECK(rows[1][0] == "list");
    CHECK(rows[2][0] == "get_metadata");
    CHECK(rows[1][1] < between.str());

    (void)store.manager.get_artifact(made.id);
    store.manager.audit().flush();
    CHECK(written(store) == before + 4);
    (void)store.manager.get_artifact(made.id);
    CHECK(store.manager.audit().query_audit_trail({.action = "get_metadata"}).size() == 3);
    store.manager.audit().flush();
    const auto last = written(store);
    (void)store.manager.get_artifact(made.id);
    store.manager = ArtifactManager(store.scratch / "other");
    CHECK(written(store) == last + 1);
}

TEST_CASE("an entry of a read is durable within a second, without another call") {
    Store store;
    const auto before = written(store);
    (void)store.manager.get_statistics();
    for (int i = 0; i < 100 && written(store) == before; ++i) ::usleep(10000);
    CHECK(written(store) == before + 1);
}

TEST_CASE("handing out a payload never waits, nor does a read that is told not to") {
    Store store;
    const auto made = store.add(ArtifactType::log, "log");
    auto before = written(store);
    REQUIRE(store.manager.get_artifact_file(made.id));
    CHECK(written(store) == before + 1);
    ArtifactManager prompt(store.base, {.create = false, .group_reads = false});
    before = written(store);
    (void)prompt.get_artifact(made.id);
    CHECK(written(store) == before + 1);
}

TEST_CASE("a store that is open for diagnosis writes the entries of its reads at once") {
    Store store;
    const auto made = store.add_bare();
    ArtifactManager looking(store.base, {.create = false, .diagnose = true});
    const auto before = written(store);
    CHECK(looking.get_artifact(made.id).has_value());
    CHECK(looking.acting({.actor = "anna"}).get_artifact(made.id).has_value());
    CHECK(written(store) == before + 2);
}

TEST_CASE("many threads that read and write lose no entry") {
    Store store;
    const auto made = store.add_bare();
    const auto before = store.entry_count();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 400; ++i) {
                (void)store.manager.get_artifact(made.id);
                if (i % 50 == t) (void)store.manager.create_artifact({.type = ArtifactType::log});
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(store.entry_count() == before + 4 * 408);
    CHECK(store.manager.audit().verify({}).ok());
}

TEST_CASE("who acts, for whom and why comes from the call, else the run, else the manager") {
    Store store({.actor = "pipeline", .on_behalf_of = "study 7", .purpose = "release"});
    const auto told = [&] {
        const auto entry = store.last_entry();
        return entry.at("user").get<std::string>() + "/" + entry.at("on_behalf_of").get<std::string>() + "/" +
               entry.at("purpose").get<std::string>();
    };
    const auto made = store.add_bare();
    CHECK(told() == "pipeline/study 7/release");
    auto anna = store.manager.acting({.actor = "anna", .purpose = "audit 9"});
    (void)anna.get_artifact(made.id);
    CHECK(told() == "anna/study 7/audit 9");
    {
        auto run = store.manager.start_processing_run(json::object(), {.on_behalf_of = "study 8", .purpose = "training"});
        (void)store.add_bare();
        CHECK(told() == "pipeline/study 8/training");
        store.manager.update_artifact_status(made.id, ArtifactStatus::in_progress);
        CHECK(told() == "pipeline/study 8/training");
        (void)anna.create_artifact({.type = ArtifactType::log});
        CHECK(told() == "anna/study 8/audit 9");
        (void)anna.acting({.on_behalf_of = "patient 3"}).get_artifact(made.id);
        CHECK(told() == "anna/patient 3/audit 9");
        run.end();
    }
    CHECK_THROWS_AS((void)store.manager.acting({.actor = std::string(300, 'a')}), InvalidArgument);
    // What speaks for the store keeps it open.
    std::optional<ArtifactManager> kept = store.manager.acting({.actor = "late"});
    store.manager = ArtifactManager(store.scratch / "other");
    CHECK(kept->get_artifact(made.id).has_value());
    kept.reset();
}
