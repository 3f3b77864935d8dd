// SIGKILL: what was acknowledged stays, and nothing else is half there.
#include <signal.h>

#include <chrono>
#include <random>
#include <thread>

#include "base/sha256.hpp"
#include "robustness/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

#ifdef CUSTODY_LONG_TESTS
constexpr int kills = 300;
#else
constexpr int kills = sanitized ? 8 : 30;
#endif

}  // namespace

TEST_CASE("every create that was acknowledged before a kill is there with its payload, and nothing is half there") {
    const Scratch scratch;
    const auto store = scratch / "store";
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::vector<std::string> acknowledged;
    for (int i = 0; i < kills; ++i) {
        Driver driver({"creates", store.string()});
        const auto first = driver.line();
        REQUIRE(first.size() == 36);
        acknowledged.push_back(first);
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 60000));
        driver.kill();
        for (const auto& line : driver.remaining_lines()) acknowledged.push_back(line);
        CHECK(driver.wait() == 128 + SIGKILL);
    }
    MESSAGE(acknowledged.size() << " creates acknowledged before " << kills << " kills");
    ArtifactManager manager(store, {.create = false});
    for (const auto& id : acknowledged) {
        const auto file = manager.get_artifact_file(ArtifactId::parse(id), true);
        CHECK(file.has_value());
    }
    const auto created = count_entries(store, "operation = 'artifact_creation' AND success = 1");
    CHECK(std::stoll(stock_sql(store, "SELECT count(*) FROM artifacts")) == created);
    CHECK(created >= static_cast<std::int64_t>(acknowledged.size()));
    CHECK(created <= static_cast<std::int64_t>(acknowledged.size()) + kills);
    check_store(store);
    // A kill may leave a payload that no record names; never one that is half written.
    for (const auto& entry : fs::recursive_directory_iterator(store / "storage/blobs")) {
        if (entry.is_regular_file()) CHECK(base::sha256(slurp(entry.path())).hex() == entry.path().filename().string());
    }
}

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
