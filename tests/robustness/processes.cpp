// Many processes on one store.
#include <map>
#include <memory>
#include <sstream>

#include "robustness/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

constexpr int operations = sanitized ? 60 : 500;
constexpr unsigned processes = 8;

}  // namespace

TEST_CASE("eight processes with mixed operations: no error, no lost update, one entry for each, payloads intact") {
    const Scratch scratch;
    const auto store = scratch / "store";
    std::string hub;
    {
        ArtifactManager manager(store);
        hub = manager.create_artifact({.type = ArtifactType::metadata, .metadata = {{"name", "what all link to"}}}).id.str();
    }
    std::vector<std::unique_ptr<Driver>> drivers;
    for (unsigned i = 0; i < processes; ++i) {
        drivers.push_back(std::make_unique<Driver>(
            std::vector<std::string>{"mixed", store.string(), hub, std::to_string(i + 1), std::to_string(operations)}));
    }
    std::map<std::string, std::int64_t> done;
    for (auto& driver : drivers) {
        for (const auto& line : driver->remaining_lines()) {
            std::istringstream words(line);
            std::string name;
            std::int64_t count = 0;
            words >> name >> count;
            done[name] += count;
        }
        CHECK(driver->wait() == 0);
    }
    ++done["artifact_creation/create"];  // the one that all link to
    REQUIRE(done.size() == 6);
    for (const auto& [name, count] : done) {
        CAPTURE(name);
        const auto operation = name.substr(0, name.find('/'));
        const auto action = name.substr(name.find('/') + 1);
        CHECK(count_entries(store, "operation = '" + operation + "' AND action = '" + action + "'") == count);
    }
    CHECK(count_entries(store, "outcome <> 'done'") == 0);
    check_store(store);
}

TEST_CASE("many processes that open a store that is not there yet make one store") {
    const Scratch scratch;
    const auto store = scratch / "store";
    std::vector<std::unique_ptr<Driver>> drivers;
    for (int i = 0; i < 8; ++i) drivers.push_back(std::make_unique<Driver>(std::vector<std::string>{"creates", store.string()}));
    std::vector<std::string> ids;
    for (auto& driver : drivers) {
        ids.push_back(driver->line());
        CHECK(ids.back().size() == 36);
    }
    for (auto& driver : drivers) driver->kill();
    for (auto& driver : drivers) driver->wait();
    CHECK(stock_sql(store, "SELECT count(*) FROM store") == "1");
    ArtifactManager manager(store, {.create = false});
    for (const auto& id : ids) CHECK(manager.get_artifact(ArtifactId::parse(id)).has_value());
    check_store(store);
}
