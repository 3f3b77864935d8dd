// Many threads on one manager.
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "robustness/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

constexpr int threads = 8;
constexpr int rounds = sanitized ? 12 : 60;

/// Runs `body` in that many threads; collects what they throw.
template <class Body>
std::vector<std::string> in_threads(Body&& body) {
    std::mutex mutex;
    std::vector<std::string> errors;
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t) {
        all.emplace_back([&, t] {
            try {
                body(t);
            } catch (const std::exception& error) {
                const std::lock_guard lock(mutex);
                errors.emplace_back(error.what());
            }
        });
    }
    for (auto& thread : all) thread.join();
    return errors;
}

void mixed(ArtifactManager& manager, const ArtifactId& hub, int t) {
    std::vector<ArtifactId> mine;
    for (int i = 0; i < rounds; ++i) {
        const auto made =
            manager.create_artifact({.type = ArtifactType::log,
                                     .content = i % 3 == 0 ? "shared " + std::to_string(i) : std::to_string(t * 1000 + i),
                                     .source_artifacts = mine.empty() ? std::vector<ArtifactId>{} : std::vector{mine.back()}});
        mine.push_back(made.id);
        (void)manager.link_artifacts({.source_artifact_ids = {made.id}, .output_artifact_id = hub, .relationship = "part_of"});
        manager.update_artifact_status(made.id, ArtifactStatus::failed, "codec");
        manager.update_artifact_status(made.id, ArtifactStatus::in_progress);
        (void)manager.list_artifacts({.type = ArtifactType::log, .limit = 5});
        (void)manager.get_artifact_lineage(made.id);
        (void)manager.get_artifact_file(made.id);
        if (i % 10 == 0) {
            (void)manager.get_statistics();
            (void)manager.audit().get_artifact_history(made.id);
            (void)manager.temp_folder();
            manager.add_hold(made.id, "keep");
            (void)manager.sql("SELECT count(*) FROM review_artifacts");
        }
    }
}

}  // namespace

TEST_CASE("eight threads with mixed operations on one manager lose nothing") {
    const Scratch scratch;
    const auto store = scratch / "store";
    {
        ArtifactManager manager(store);
        const auto hub = manager.create_artifact({.type = ArtifactType::metadata}).id;
        const auto errors = in_threads([&](int t) { mixed(manager, hub, t); });
        for (const auto& error : errors) MESSAGE(error);
        CHECK(errors.empty());
        CHECK(manager.get_artifact(hub)->source_artifacts.size() == threads * rounds);
        CHECK(manager.list_artifacts({.status = ArtifactStatus::in_progress}).size() == threads * rounds);
        CHECK(manager.get_statistics().total_artifacts == threads * rounds + 1);
    }
    CHECK(count_entries(store, "operation = 'artifact_creation'") == threads * rounds + 1);
    CHECK(count_entries(store, "operation = 'artifact_link'") == threads * rounds);
    CHECK(count_entries(store, "operation = 'artifact_update'") == 2 * threads * rounds);
    CHECK(count_entries(store, "action = 'get_file'") == threads * rounds);
    check_store(store);
}

TEST_CASE("runs of different threads don't meet") {
    const Scratch scratch;
    ArtifactManager manager(scratch / "store");
    std::atomic<int> wrong = 0;
    const auto errors = in_threads([&](int t) {
        for (int i = 0; i < rounds / 4; ++i) {
            auto outer = manager.start_processing_run({{"thread", t}});
            auto inner = manager.start_processing_run({{"thread", t}, {"inner", true}});
            const auto in_inner =
                manager.create_artifact({.type = ArtifactType::log, .content = std::to_string(t) + "i" + std::to_string(i)});
            inner.end();
            const auto in_outer =
                manager.create_artifact({.type = ArtifactType::log, .content = std::to_string(t) + "o" + std::to_string(i)});
            if (in_inner.run != inner.id() || in_outer.run != outer.id() || manager.current_run() != outer.id()) ++wrong;
            if (i % 2 == 0) outer.end(ArtifactStatus::failed, "on purpose");
        }
        if (manager.current_run()) ++wrong;
    });
    for (const auto& error : errors) MESSAGE(error);
    CHECK(errors.empty());
    CHECK(wrong == 0);
    std::size_t outputs = 0;
    for (const auto& run : manager.list_runs()) {
        CHECK(run.status != ArtifactStatus::in_progress);
        CHECK(run.outputs.size() == 1);
        outputs += run.outputs.size();
    }
    CHECK(outputs == 2 * threads * (rounds / 4));
}

TEST_CASE("one request key from many threads at once makes one artifact") {
    const Scratch scratch;
    ArtifactManager manager(scratch / "store");
    std::mutex mutex;
    std::set<ArtifactId> ids;
    const auto errors = in_threads([&](int) {
        for (int i = 0; i < 5; ++i) {
            const auto made = manager.create_artifact(
                {.type = ArtifactType::log, .content = "same " + std::to_string(i), .request_key = "key " + std::to_string(i)});
            const std::lock_guard lock(mutex);
            ids.insert(made.id);
        }
    });
    CHECK(errors.empty());
    CHECK(ids.size() == 5);
    CHECK(manager.verify().ok());
}

TEST_CASE("creates and cleanups at once never leave a record without its payload") {
    const Scratch scratch;
    const auto store = scratch / "store";
    {
        ArtifactManager manager(store);
        const auto errors = in_threads([&](int t) {
            for (int i = 0; i < rounds / 3; ++i) {
                if (t == 0) {
                    (void)manager.cleanup_old_artifacts({.older_than_days = 0});
                } else {
                    (void)manager.create_artifact({.type = ArtifactType::log, .content = "shared " + std::to_string(i % 4)});
                }
            }
        });
        for (const auto& error : errors) MESSAGE(error);
        CHECK(errors.empty());
    }
    check_store(store);
}
