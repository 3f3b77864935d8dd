// Counters are kept by the code that changes what they count; here they are held against the rows.

#include "catalog/counters.hpp"

#include <sqlite3.h>

#include "manager/support.hpp"
#include "sqlite/connection.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

/// "type/status=count" of every counter that isn't 0, as it is stored.
std::string artifact_counts(const Store& store) {
    return store.raw().text(
        "SELECT coalesce(group_concat(artifact_type || '/' || status || '=' || artifact_count, ' '), '') FROM (SELECT * FROM "
        "artifact_counts WHERE artifact_count <> 0 ORDER BY artifact_type, status)");
}

std::string payload_counts(const Store& store) {
    return store.raw().text(
        "SELECT coalesce(group_concat(state || '=' || payload_count || ',' || size_bytes, ' '), '') FROM (SELECT * FROM "
        "payload_counts WHERE payload_count <> 0 ORDER BY state)");
}

void check_counted(const Store& store) {
    const auto connection = sqlite::open_connection(store.base / "storage/catalog.db", sqlite::Access::read_only);
    CHECK(catalog::counter_drift(*connection).empty());
}

}  // namespace

TEST_CASE("a batch is counted by type, status and content, content that comes twice once") {
    Store store;
    const std::vector<NewArtifact> wanted = {{.type = ArtifactType::video_raw, .content = "four"},
                                             {.type = ArtifactType::video_raw, .content = "four"},
                                             {.type = ArtifactType::log, .status = ArtifactStatus::pending},
                                             {.type = ArtifactType::log, .content = "seven b"}};
    (void)store.manager.create_artifacts(wanted);
    CHECK(artifact_counts(store) == "log/completed=1 log/pending=1 video_raw/completed=2");
    CHECK(payload_counts(store) == "present=2,11");
    (void)store.manager.create_artifact({.type = ArtifactType::log, .content = "four"});
    CHECK(artifact_counts(store) == "log/completed=2 log/pending=1 video_raw/completed=2");
    CHECK(payload_counts(store) == "present=2,11");
    check_counted(store);
}

TEST_CASE("a status that changes is counted as the new one, and no more as the old one") {
    Store store;
    const auto id = store.manager.create_artifact({.type = ArtifactType::log, .status = ArtifactStatus::pending}).id;
    (void)store.manager.update_artifact_status(id, ArtifactStatus::in_progress);
    CHECK(artifact_counts(store) == "log/in_progress=1");
    (void)store.manager.update_artifact_status(id, ArtifactStatus::failed, "codec");
    CHECK(artifact_counts(store) == "log/failed=1");
    check_counted(store);
}

TEST_CASE("content that is removed is counted as removed, and as present again when it comes back") {
    Store store;
    (void)store.add(ArtifactType::log, "four");
    (void)store.add(ArtifactType::log, "seven b");
    REQUIRE(store.manager.cleanup_old_artifacts({.older_than_days = 0}).removed.size() == 2);
    CHECK(payload_counts(store) == "removed=2,11");
    (void)store.add(ArtifactType::log, "four");
    CHECK(payload_counts(store) == "present=1,4 removed=1,7");
    check_counted(store);
}

TEST_CASE("what was taken back is not counted, not with what comes after it either") {
    Store store;
    // Only the second one tells that the key was used, by the first.
    const std::vector<NewArtifact> half = {{.type = ArtifactType::log, .content = "four", .request_key = "k"},
                                           {.type = ArtifactType::log, .content = "five!", .request_key = "k"}};
    CHECK_THROWS_AS((void)store.manager.create_artifacts(half), Conflict);
    CHECK(artifact_counts(store).empty());
    (void)store.add(ArtifactType::video_raw, "seven b");
    CHECK(artifact_counts(store) == "video_raw/completed=1");
    CHECK(payload_counts(store) == "present=1,7");
    check_counted(store);
}
