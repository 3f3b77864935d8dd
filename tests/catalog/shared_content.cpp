// Content that very many artifacts have or had, such as an empty file: no look at it may take longer for that.

#include <sqlite3.h>

#include "base/sha256.hpp"
#include "catalog/cleanup.hpp"
#include "catalog/lineage.hpp"
#include "catalog/payloads.hpp"
#include "manager/support.hpp"
#include "sqlite/connection.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

/// How many instructions SQLite takes for what `look` does.
std::int64_t steps_of(sqlite::Connection& connection, const std::function<void()>& look) {
    std::int64_t steps = 0;
    const auto count = [](void* counted) {
        ++*static_cast<std::int64_t*>(counted);
        return 0;
    };
    sqlite3_progress_handler(connection.handle(), 1, count, &steps);
    look();
    sqlite3_progress_handler(connection.handle(), 0, nullptr, nullptr);
    return steps;
}

void add_some(Store& store, const ArtifactType& type, std::size_t count) {
    const std::vector<NewArtifact> wanted(count, {.type = type, .content = "shared"});
    (void)store.manager.create_artifacts(wanted);
}

struct Steps {
    std::int64_t referenced, identified, unused;
};

Steps look_at(Store& store, bool is_referenced) {
    const auto digest = base::sha256("shared");
    const auto connection = sqlite::open_connection(store.base / "storage/catalog.db", sqlite::Access::read_only);
    return {steps_of(*connection, [&] { CHECK(catalog::is_referenced(*connection, digest) == is_referenced); }),
            steps_of(*connection, [&] { CHECK_FALSE(catalog::find_identified(*connection, digest, 6, {}).has_value()); }),
            steps_of(*connection, [&] { CHECK(catalog::unused_payloads(*connection).empty()); })};
}

void check_no_dearer(const Steps& few, const Steps& many) {
    CHECK(many.referenced <= few.referenced + 4);
    CHECK(many.identified <= few.identified + 4);
    CHECK(many.unused <= few.unused + 4);
}

}  // namespace

TEST_CASE("a look at content is as quick where a thousand artifacts have it as where one has") {
    Store few;
    Store many;
    add_some(few, ArtifactType::log, 1);
    add_some(many, ArtifactType::log, 1000);
    check_no_dearer(look_at(few, true), look_at(many, true));
}

TEST_CASE("a look at content is as quick where a thousand artifacts had it as where one had, and one has it still") {
    for (const bool one_has_it : {false, true}) {
        CAPTURE(one_has_it);
        Store few;
        Store many;
        add_some(few, ArtifactType::log, 1);
        add_some(many, ArtifactType::log, 1000);
        for (auto* const store : {&few, &many}) {
            CHECK_FALSE(store->manager.cleanup_old_artifacts({.older_than_days = 0}).removed.empty());
            if (one_has_it) add_some(*store, ArtifactType::text_deid, 1);
        }
        check_no_dearer(look_at(few, one_has_it), look_at(many, one_has_it));
    }
}

TEST_CASE("the first of a thousand identified artifacts with the same content is found as quickly as the only one") {
    Store few;
    Store many;
    add_some(few, ArtifactType::text_raw, 1);
    add_some(many, ArtifactType::text_raw, 1000);
    std::vector<std::int64_t> steps;
    for (auto* const store : {&few, &many}) {
        const auto connection = sqlite::open_connection(store->base / "storage/catalog.db", sqlite::Access::read_only);
        const auto look = [&] { return catalog::find_identified(*connection, base::sha256("shared"), 6, {}); };
        steps.push_back(steps_of(*connection, [&] {
            CHECK(look()->str() == store->raw().text("SELECT artifact_id FROM artifacts ORDER BY artifact_key LIMIT 1"));
        }));
    }
    CHECK(steps[1] <= steps[0] + 4);
}

TEST_CASE("what cleanup may take is found as quickly where a thousand payloads were removed as where one was") {
    Store few;
    Store many;
    add_some(few, ArtifactType::log, 1);
    add_some(many, ArtifactType::log, 1000);
    std::vector<std::int64_t> steps;
    for (auto* const store : {&few, &many}) {
        (void)store->manager.cleanup_old_artifacts({.older_than_days = 0});
        const auto left = store->add(ArtifactType::log, "left");
        const auto connection = sqlite::open_connection(store->base / "storage/catalog.db", sqlite::Access::read_only);
        for (const std::optional<ArtifactType>& type : {std::optional<ArtifactType>(), std::optional(ArtifactType::log)}) {
            steps.push_back(steps_of(*connection, [&] {
                const auto found = catalog::cleanup_candidates(*connection, Timestamp::now(), type, std::nullopt, 0, 100);
                REQUIRE(found.size() == 1);
                CHECK(found.front().id == left.id);
            }));
        }
    }
    CHECK(steps[2] <= steps[0] + 4);
    CHECK(steps[3] <= steps[1] + 4);
}
