#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

// What this process has open of the catalog.
std::size_t open_catalog_files(const std::filesystem::path& base) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const auto target = std::filesystem::read_symlink(entry.path(), gone).string();
        if (!gone && target.rfind((base / "storage/catalog.db").string(), 0) == 0) ++count;
    }
    return count;
}

}  // namespace

TEST_CASE("a suspended manager has nothing of the catalog open, refuses calls, and goes on as it was") {
    Store store;
    auto& manager = store.manager;
    auto run = manager.start_processing_run();
    const auto first = manager.create_artifact({.type = ArtifactType::log, .content = "first"});
    (void)manager.get_artifact(first.id);  // leaves an entry that waits
    const auto view = manager.acting({.actor = "anna"});
    CHECK(open_catalog_files(store.base) > 0);

    manager.suspend();
    CHECK(open_catalog_files(store.base) == 0);
    CHECK_THROWS_AS((void)manager.get_artifact(first.id), InvalidState);
    CHECK_THROWS_AS((void)manager.create_artifact({.type = ArtifactType::log, .content = "second"}), InvalidState);
    CHECK_THROWS_AS((void)ArtifactManager(view.acting({.purpose = "p"})).list_artifacts(), InvalidState);
    manager.suspend();  // once more changes nothing

    manager.resume();
    manager.resume();
    CHECK(open_catalog_files(store.base) > 0);
    const auto second = manager.create_artifact({.type = ArtifactType::log, .content = "second"});
    CHECK(second.run == run.id());
    run.end();
    CHECK(store.entries("artifact_access", "get_metadata").size() == 1);  // nothing that waited was lost
    CHECK(manager.verify().findings.empty());
}

TEST_CASE("a manager that is suspended when it goes leaves a whole store") {
    const Scratch scratch;
    {
        ArtifactManager manager(scratch / "store");
        auto run = manager.start_processing_run();
        manager.suspend();
    }
    ArtifactManager manager(scratch / "store");
    CHECK(manager.verify().ok());
    CHECK(manager.list_runs().size() == 1);
}

TEST_CASE("a child that opens its own after its parent suspended holds locks of its own") {
    const Scratch scratch;
    ArtifactManager manager(scratch / "store");
    manager.suspend();
    const int code = in_child([&] {
        ArtifactManager own(scratch / "store");
        (void)own.create_artifact({.type = ArtifactType::log, .content = "child's"});
        // Another client comes and goes; it would take itself for the last one, and remove the log, if this process had no locks.
        const auto command =
            "sqlite3 '" + (scratch / "store/storage/catalog.db").string() + "' 'SELECT count(*) FROM artifacts' >/dev/null";
        if (std::system(command.c_str()) != 0) return 1;  // NOLINT(concurrency-mt-unsafe)
        for (int i = 0; i < 5; ++i)
            (void)own.create_artifact({.type = ArtifactType::log, .content = "after " + std::to_string(i)});
        ::_exit(0);  // as if it were killed
    });
    CHECK(code == 0);
    manager.resume();
    CHECK(manager.list_artifacts().size() == 6);
    CHECK(manager.verify().ok());
}

TEST_CASE("the copies of SQLite in a process are counted") { CHECK(engines_in_process().size() == 1); }

TEST_CASE("a suspension that can't write what waits says so, and the manager goes on") {
    Store store({.actor = "tester", .lock_timeout = std::chrono::milliseconds(1500)});
    const auto made = store.add_bare();
    store.manager.audit().flush();
    const auto before = store.entry_count();
    {
        Raw other(store.base);
        other.run("BEGIN IMMEDIATE");
        (void)store.manager.get_artifact(made.id);                    // leaves an entry that waits
        std::this_thread::sleep_for(std::chrono::milliseconds(700));  // its thread is at it now, and waits for the lock
        CHECK_THROWS_AS(store.manager.suspend(), Busy);
        other.run("ROLLBACK");
    }
    CHECK(store.manager.get_artifact(made.id)->id == made.id);
    store.manager.suspend();
    store.manager.resume();
    CHECK(store.entry_count() == before + 2);
}
