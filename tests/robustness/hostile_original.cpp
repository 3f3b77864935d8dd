// Hostile trees of the original's, and hostile values for their import and export: what comes over is whole, and nothing is made
// elsewhere.
#include <set>

#include "robustness/hostile_values.hpp"
#include "robustness/support.hpp"
#include "support/original_tree.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

#ifdef CUSTODY_LONG_TESTS
constexpr int rounds = 1000;
#else
constexpr int rounds = sanitized ? 8 : 30;
#endif

/// Changes some bytes anywhere in a file, or cuts it.
void spoil(HostileValues& draw, const fs::path& file) {
    auto text = slurp(file);
    for (int i = 0; i < 3 && !text.empty(); ++i) {
        const auto at = draw.below(static_cast<int>(text.size()));
        switch (draw.below(4)) {
            case 0:
                text[static_cast<std::size_t>(at)] = static_cast<char>(draw.below(256));
                break;
            case 1:
                text.resize(static_cast<std::size_t>(at));
                break;
            case 2:
                text.insert(static_cast<std::size_t>(at), draw.text());
                break;
            default:
                text.insert(static_cast<std::size_t>(at), text.substr(0, static_cast<std::size_t>(draw.below(200))));
        }
    }
    write_file(file, text);
}

}  // namespace

TEST_CASE("spoilt trees and hostile values leave a store that verifies, and come over once") {
    const std::uint64_t seed = std::random_device{}();
    MESSAGE("seed " << seed);
    HostileValues draw(seed);
    const Scratch scratch;
    {
        ArtifactManager manager(scratch / "store");
        for (int round = 0; round < rounds; ++round) {
            OriginalTree tree(scratch / "tree");
            std::vector<std::string> ids;
            for (int i = 0; i < 6; ++i) {
                OriginalTree::Extra extra{.sources = ids};
                if (draw.chance(2)) extra.metadata[draw.chance(2) ? "run_id" : "derived_from_artifacts"] = tree.new_id();
                ids.push_back(tree.add(i % 2 == 0 ? "video_raw" : "log", "content " + std::to_string(i), extra));
            }
            const auto run = tree.start_run({{"n", round}});
            tree.end_run(run, "failed");
            for (int i = 0; i < 3; ++i) spoil(draw, tree.record(draw.one_of(ids)));
            spoil(draw, tree.audit_file());
            const OriginalImport options{.timezone = draw.chance(3) ? draw.text() : "UTC", .dry_run = draw.chance(4)};
            attempt([&] { (void)to_json(manager.import_original(scratch / "tree", options)); });
            attempt([&] { (void)to_json(manager.import_original(scratch / "tree", {.timezone = "UTC"})); });
            attempt([&] {
                const auto again = manager.import_original(scratch / "tree", {.timezone = "UTC"});
                CHECK(again.artifacts + again.links + again.runs + again.audit_entries == 0);
            });
            attempt([&] { (void)ArtifactManager::examine_original(draw.chance(2) ? scratch / "tree" : fs::path(draw.text())); });
            attempt([&] {
                (void)to_json(manager.export_original(scratch / "out", {.timezone = draw.chance(2) ? "UTC" : draw.text()}));
            });
            fs::remove_all(scratch / "out");
            fs::remove_all(scratch / "tree");
        }
        CHECK(manager.verify().ok());
    }
    check_store(scratch / "store");
    std::set<std::string> left;
    for (const auto& entry : fs::directory_iterator(scratch.path())) left.insert(entry.path().filename().string());
    CHECK(left == std::set<std::string>{"store"});
}
