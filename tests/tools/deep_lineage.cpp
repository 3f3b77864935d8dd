// Lineages of a size that recursion, or counting paths instead of artifacts, would not survive.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <custody/artifact_manager.hpp>
#include <vector>

#include "tools/command.hpp"

using namespace custody::testing;
using custody::ArtifactId;
using custody::ArtifactManager;
using custody::ArtifactType;
using custody::NewArtifact;
using custody::ordered_json;

namespace {

constexpr std::size_t size = 20000;

/// Scratch folders in memory while it lives, where there is such a file system: thousands of durable commits take long on a disk.
class InMemory {
   public:
    InMemory() {
        if (const char* before = getenv("TMPDIR")) before_ = before;
        if (std::filesystem::is_directory("/dev/shm")) setenv("TMPDIR", "/dev/shm", 1);
    }
    InMemory(const InMemory&) = delete;
    InMemory& operator=(const InMemory&) = delete;
    ~InMemory() { before_.empty() ? unsetenv("TMPDIR") : setenv("TMPDIR", before_.c_str(), 1); }

   private:
    std::string before_{};
};

ArtifactId made_from(ArtifactManager& manager, std::vector<ArtifactId> sources) {
    return manager.create_artifact({.type = ArtifactType::log, .source_artifacts = std::move(sources)}).id;
}

void check_lineage(const Bench& bench, const std::string& arguments, std::size_t nodes, std::size_t edges) {
    const auto flat = bench.json_of("lineage " + arguments);
    CHECK(flat["nodes"].size() == nodes);
    CHECK(flat["edges"].size() == edges);
    CHECK(flat["truncated"] == false);
    CHECK(lines_of(bench.done("lineage " + arguments)).size() >= nodes);
    CHECK(lines_of(bench.done("lineage --format dot " + arguments)).size() >= nodes + edges);
}

}  // namespace

TEST_CASE("lineage 20,000 levels deep is answered, up and down") {
    const InMemory fast;
    const Bench bench;
    ArtifactManager manager(bench.files / "store");
    const auto first = made_from(manager, {});
    auto last = first;
    for (std::size_t i = 0; i < size; ++i) last = made_from(manager, {last});
    check_lineage(bench, last.str(), size + 1, size);
    check_lineage(bench, "--down " + first.str(), size + 1, size);
    CHECK(bench.json_of("lineage --depth 10 " + last.str())["nodes"].size() == 11);
    CHECK(bench.custody("link " + first.str() + " --source " + last.str()).exit_code == 1);
}

TEST_CASE("lineage 20,000 wide is answered") {
    const InMemory fast;
    const Bench bench;
    ArtifactManager manager(bench.files / "store");
    const auto raw = made_from(manager, {});
    const std::vector<NewArtifact> wanted(size, {.type = ArtifactType::log, .source_artifacts = {raw}});
    CHECK(manager.create_artifacts(wanted).size() == size);
    check_lineage(bench, "--down " + raw.str(), size + 1, size);
}

TEST_CASE("30 stacked diamonds have 91 artifacts, however many paths go through them") {
    const InMemory fast;
    const Bench bench;
    ArtifactManager manager(bench.files / "store");
    auto last = made_from(manager, {});
    for (int i = 0; i < 30; ++i) {
        const auto left = made_from(manager, {last});
        const auto right = made_from(manager, {last});
        last = made_from(manager, {left, right});
    }
    check_lineage(bench, last.str(), 91, 120);
    CHECK(lines_of(bench.done("lineage " + last.str())).size() <= 121 + 1);
}
