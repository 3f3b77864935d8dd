// Hostile values for backups and restores: nothing but what was asked for is made, and the store stays whole.
#include <set>

#include "robustness/hostile_values.hpp"
#include "robustness/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

#ifdef CUSTODY_LONG_TESTS
constexpr int rounds = 2000;
#else
constexpr int rounds = sanitized ? 10 : 40;
#endif

}  // namespace

TEST_CASE("hostile values for backups and restores get errors of custody, and make nothing elsewhere") {
    const std::uint64_t seed = std::random_device{}();
    MESSAGE("seed " << seed);
    const Scratch scratch;
    HostileValues draw(seed);
    {
        ArtifactManager manager(scratch / "store");
        (void)manager.create_artifact({.type = ArtifactType::log, .content = "log", .metadata = {{"a", 1}}});
        (void)manager.backup(scratch / "kept");
        const auto place = [&]() -> fs::path {
            const auto name = draw.text();
            const bool way = name.find('/') != std::string::npos || name.find('\0') != std::string::npos || name[0] == '.';
            return scratch / "out" / (way ? "x" : name);
        };
        // What is written to is always below the folder of the test: a text may be a way anywhere.
        const auto own = [&]() -> fs::path {
            const std::vector<fs::path> places{scratch / "store", scratch / "kept", scratch / "kept/catalog.db", place()};
            return draw.one_of(places);
        };
        const auto source = [&] { return draw.chance(5) ? fs::path(draw.text()) : own(); };
        for (int round = 0; round < rounds; ++round) {
            fs::create_directories(scratch / "out");
            attempt([&] {
                (void)to_json(
                    manager.backup(draw.chance(3) ? own() : place(), {.catalog_only = draw.chance(2), .rehash = draw.chance(2)}));
            });
            attempt([&] {
                (void)to_json(ArtifactManager::restore(
                    source(), place(),
                    {.reason = draw.text(), .payloads = draw.chance(3) ? place() : fs::path(), .accept_missing = draw.chance(2)},
                    {.actor = draw.chance(2) ? draw.text() : ""}));
            });
            fs::remove_all(scratch / "out");
        }
        CHECK(manager.verify().ok());
    }
    check_store(scratch / "store");
    std::set<std::string> left;
    for (const auto& entry : fs::directory_iterator(scratch.path())) left.insert(entry.path().filename().string());
    CHECK(left == std::set<std::string>{"kept", "store"});
}
