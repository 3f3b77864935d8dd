#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

using S = ArtifactStatus;
constexpr S all[] = {S::pending, S::in_progress, S::completed, S::failed, S::archived};

// The way to a status from a new artifact.
Artifact with_status(Store& store, S wanted) {
    const bool direct = wanted != S::failed && wanted != S::archived;
    const auto made = store.manager.create_artifact({.type = ArtifactType::metadata, .status = direct ? wanted : S::completed});
    return direct ? made : store.manager.update_artifact_status(made.id, wanted, wanted == S::failed ? "it failed" : "");
}

}  // namespace

TEST_CASE("statuses change by the table of transitions and by it alone") {
    const std::set<std::pair<S, S>> allowed = {
        {S::pending, S::in_progress}, {S::pending, S::completed},     {S::pending, S::failed},   {S::in_progress, S::completed},
        {S::in_progress, S::failed},  {S::completed, S::in_progress}, {S::completed, S::failed}, {S::completed, S::archived},
        {S::failed, S::pending},      {S::failed, S::in_progress},    {S::failed, S::archived},  {S::archived, S::completed}};
    Store store;
    for (const auto from : all) {
        for (const auto to : all) {
            CAPTURE(to_string(from));
            CAPTURE(to_string(to));
            const auto before = with_status(store, from);
            REQUIRE(before.status == from);
            const auto change = [&] { return store.manager.update_artifact_status(before.id, to); };
            CHECK(transition_allowed(from, to) == allowed.contains({from, to}));
            if (allowed.contains({from, to})) {
                const auto after = change();
                CHECK(after.status == to);
                CHECK(after.updated_at >= before.updated_at);
                CHECK_FALSE(after.error_message.has_value());
                const auto entry = store.last_entry();
                CHECK(entry.at("details").at("old_status") == to_string(from));
                CHECK(entry.at("details").at("new_status") == to_string(to));
                CHECK(entry.at("success") == (to != S::failed));
                CHECK(entry.at("timestamp") == after.updated_at.str());
            } else {
                CHECK_THROWS_AS(change(), Conflict);
                CHECK(store.raw().text("SELECT status FROM artifacts WHERE artifact_id = '" + before.id.str() + "'") ==
                      to_string(from));
                CHECK(store.last_entry().at("outcome") == "refused");
            }
        }
    }
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("an error message goes with failed alone, and is cut where it is without bounds") {
    Store store;
    const auto id = store.add_bare().id;
    CHECK_THROWS_AS(store.manager.update_artifact_status(id, S::in_progress, "why?"), InvalidArgument);
    const std::string longest(65536, 'x');
    CHECK(store.manager.update_artifact_status(id, S::failed, longest).error_message == longest);
    store.manager.update_artifact_status(id, S::pending);
    CHECK(store.manager.update_artifact_status(id, S::failed, longest + "x").error_message == longest.substr(3) + "…");
    CHECK_FALSE(store.manager.update_artifact_status(id, S::pending).error_message.has_value());
    CHECK_THROWS_AS(store.manager.update_artifact_status(ArtifactId::random(), S::failed), NotFound);
}
