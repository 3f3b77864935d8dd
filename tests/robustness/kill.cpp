// What a killed process leaves to others. (That nothing is lost by it: tests/faults.)
#include "robustness/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

TEST_CASE("the run of a killed process is ended as lost by the next opener, and its files can be cleaned") {
    const Scratch scratch;
    const auto store = scratch / "store";
    Driver driver({"run", store.string()});
    const auto line = driver.line();
    REQUIRE(line.size() == 73);
    const auto run = RunId::parse(line.substr(0, 36));
    const auto output = ArtifactId::parse(line.substr(37));
    {
        ArtifactManager manager(store, {.create = false});
        CHECK(manager.get_run(run)->status == ArtifactStatus::in_progress);  // its process lives
        const auto kept = manager.cleanup_old_artifacts({.older_than_days = 0});
        CHECK(kept.removed.empty());
        CHECK(kept.kept.size() == 2);
        CHECK(manager.cleanup_temp() == 0);
    }
    driver.kill();
    driver.wait();
    {
        const ArtifactManager first(store, {.create = false});
        const ArtifactManager second(store, {.create = false});
    }
    ArtifactManager manager(store, {.create = false});
    const auto record = manager.get_run(run);
    REQUIRE(record.has_value());
    CHECK(record->status == ArtifactStatus::failed);
    CHECK(record->end_reason == "lost");
    CHECK(record->error_message.has_value());
    CHECK(record->outputs == std::vector<ArtifactId>{output});
    CHECK(record->inputs.size() == 1);
    CHECK(count_entries(store, "operation = 'processing_run' AND action = 'lost' AND run_id = '" + run.str() + "'") == 1);
    CHECK(manager.cleanup_old_artifacts({.older_than_days = 0}).removed.size() == 2);
    // Opening the store has swept the scratch folder of the process that is gone.
    std::size_t folders = 0;
    for (const auto& entry : std::filesystem::directory_iterator(store / "storage/temp")) folders += entry.is_directory() ? 1 : 0;
    CHECK(folders == 0);
    check_store(store);
}
