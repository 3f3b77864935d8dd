// Hostile values through what proves and withdraws: the trail stays whole, and nothing but what was asked for is on the disk.
#include <functional>
#include <set>

#include "robustness/hostile_values.hpp"
#include "robustness/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

#ifdef CUSTODY_LONG_TESTS
constexpr int rounds = 1000;  // each verifies the trail, which grows
#else
constexpr int rounds = sanitized ? 20 : 100;
#endif

/// A place outside of the store that goes with the test: a name, not a way to elsewhere.
fs::path place_in(const fs::path& folder, HostileValues& draw) {
    const auto name = draw.text();
    const bool way = name.find('/') != std::string::npos || name.find('\0') != std::string::npos || name == "." || name == "..";
    return way ? folder / "missing" / "x" : folder / name;
}

}  // namespace

TEST_CASE("hostile values for proofs, seals, keys and withdrawals get errors of custody, and leave the trail whole") {
    const std::uint64_t seed = std::random_device{}();
    MESSAGE("seed " << seed);
    const Scratch scratch;
    fs::create_directory(scratch / "out");
    {
        ArtifactManager manager(scratch / "store");
        auto trail = manager.audit();
        HostileValues draw(seed);
        const auto made = manager.create_artifact({.type = ArtifactType::log, .content = "log", .metadata = {{"a", 1}}}).id;
        const auto id = [&] { return draw.chance(2) ? made : ArtifactId::random(); };
        const auto file = [&] { return place_in(scratch / "out", draw); };
        const auto key = [&] { return draw.chance(2) ? fs::path() : file(); };
        const std::vector<std::function<void()>> calls = {
            [&] { (void)manager.acting({.actor = draw.text(), .purpose = draw.text()}).get_artifact(id()); },
            [&] { (void)trail.make_signing_key(file(), key()); },
            [&] { (void)trail.add_signing_key(file(), key()); },
            [&] { (void)trail.seal(key(), key()); },
            [&] { (void)trail.prove(draw.number(), key()); },
            [&] { (void)trail.prove_history(id(), file(), key()); },
            [&] {
                (void)trail.redact({draw.number(), draw.number()}, draw.text(), draw.chance(2) ? draw.text() : "",
                                   draw.chance(2));
            },
            [&] { (void)trail.verify({.keys = {draw.text()}, .anchor = key()}).statement(); },
            [&] { trail.flush(); },
        };
        for (int round = 0; round < rounds; ++round) {
            for (std::size_t i = 0; i < calls.size(); ++i) {
                CAPTURE(i);
                attempt(calls[i]);
            }
            std::error_code ignored;
            if (round % 10 == 9) fs::remove_all(scratch / "out", ignored);
            fs::create_directory(scratch / "out", ignored);
        }
        CHECK(trail.verify({}).ok());
    }
    check_store(scratch / "store");
    std::set<std::string> left;
    for (const auto& entry : fs::directory_iterator(scratch.path())) left.insert(entry.path().filename().string());
    CHECK(left == std::set<std::string>{"out", "store"});
}
