// Content that very many artifacts have or had, such as an empty file: no look at it may take longer for that.

#include <sqlite3.h>

#include <functional>

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

/// Two stores alike but for how many artifacts have the same content: one, and a thousand.
struct Stores {
    explicit Stores(const ArtifactType& type) {
        add(few, type, 1);
        add(many, type, 1000);
    }
    static void add(Store& store, const ArtifactType& type, std::size_t count) {
        const std::vector<NewArtifact> wanted(count, {.type = type, .content = "shared"});
        (void)store.manager.create_artifacts(wanted);
    }
    void clean() {
        for (auto* const store : {&few, &many}) {
            CHECK_FALSE(store->manager.cleanup_old_artifacts({.older_than_days = 0}).removed.empty());
        }
    }
    void check_as_quick(const std::function<void(Store&, sqlite::Connection&)>& look) {
        std::vector<std::int64_t> steps;
        for (auto* const store : {&few, &many}) {
            const auto connection = sqlite::open_connection(store->base / "storage/catalog.db", sqlite::Access::read_only);
            steps.push_back(steps_of(*connection, [&] { look(*store, *connection); }));
        }
        CHECK(steps[0] > 0);
        CHECK(steps[1] <= steps[0] + 4);
    }

    Store few{};
    Store many{};
};

const Digest shared = base::sha256("shared");

void check_looks(Stores& stores, bool is_referenced) {
    stores.check_as_quick(
        [&](Store&, sqlite::Connection& connection) { CHECK(catalog::is_referenced(connection, shared) == is_referenced); });
    stores.check_as_quick([](Store&, sqlite::Connection& connection) {
        CHECK_FALSE(catalog::find_identified(connection, shared, 6, {}).has_value());
    });
    stores.check_as_quick([](Store&, sqlite::Connection& connection) { CHECK(catalog::unused_payloads(connection).empty()); });
}

}  // namespace

TEST_CASE("a look at content is as quick where a thousand artifacts have it as where one has") {
    Stores stores(ArtifactType::log);
    check_looks(stores, true);
}

TEST_CASE("a look at content is as quick where a thousand artifacts had it as where one had, and one has it still") {
    Stores stores(ArtifactType::log);
    stores.clean();
    check_looks(stores, false);
    for (auto* const store : {&stores.few, &stores.many}) Stores::add(*store, ArtifactType::text_deid, 1);
    check_looks(stores, true);
}

TEST_CASE("the first of a thousand identified artifacts with the same content is found as quickly as the only one") {
    Stores stores(ArtifactType::text_raw);
    stores.check_as_quick([](Store& store, sqlite::Connection& connection) {
        const auto found = catalog::find_identified(connection, shared, 6, {});
        CHECK(found->str() == store.raw().text("SELECT artifact_id FROM artifacts ORDER BY artifact_key LIMIT 1"));
    });
}

TEST_CASE("what cleanup may take is found as quickly where a thousand payloads were removed as where one was") {
    Stores stores(ArtifactType::log);
    stores.clean();
    for (auto* const store : {&stores.few, &stores.many}) (void)store->add(ArtifactType::log, "left");
    for (const std::optional<ArtifactType>& type : {std::optional<ArtifactType>(), std::optional(ArtifactType::log)}) {
        stores.check_as_quick([&](Store& store, sqlite::Connection& connection) {
            const auto found = catalog::cleanup_candidates(connection, Timestamp::now(), type, std::nullopt, 0, 100);
            REQUIRE(found.size() == 1);
            CHECK(found.front().id.str() ==
                  store.raw().text("SELECT artifact_id FROM artifacts ORDER BY artifact_key DESC LIMIT 1"));
        });
    }
}
