#include <unistd.h>

#include <chrono>
#include <fstream>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

/// What a process that was killed leaves: its scratch folder, with a copy of the catalog in it.
void die_in(const fs::path& base) {
    CHECK(in_child([&] {
              ArtifactManager dying(base);
              std::ofstream(dying.temp_folder() / "copy.db") << "a whole catalog";
              ::_exit(0);
              return 1;
          }) == 0);
}

std::size_t entries_of(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

void make_older(const fs::path& file, std::chrono::hours age) { fs::last_write_time(file, fs::last_write_time(file) - age); }

}  // namespace

TEST_CASE("what killed processes left in temp/ goes when the store is opened for writing") {
    const Scratch scratch;
    const auto base = scratch / "store";
    ArtifactManager living(base);
    const auto own = living.temp_folder();
    die_in(base);
    const auto temp = base / "storage/temp";
    const auto before = entries_of(temp);
    {
        ArtifactManager diagnosis(base, {.diagnose = true});
        CHECK(kinds(diagnosis.verify()).count("left_behind") == 1);
        CHECK(diagnosis.verify().ok());
    }
    CHECK(entries_of(temp) == before);
    const ArtifactManager next(base);
    CHECK(entries_of(temp) == before - 1);
    CHECK(fs::exists(own));
    CHECK(kinds(living.verify()).count("left_behind") == 0);
}

TEST_CASE("the unfinished catalog of a killed init goes after a day") {
    const Scratch scratch;
    const auto base = scratch / "store";
    ArtifactManager living(base);
    const auto old = scratch.file("store/storage/catalog.db.new-0123456789abcdef", "x");
    const auto journal = scratch.file("store/storage/catalog.db.new-0123456789abcdef-journal", "x");
    const auto young = scratch.file("store/storage/catalog.db.new-fedcba9876543210", "x");
    const auto copy = scratch.file("store/storage/catalog.db.v1-1", "a copy that an upgrade kept");
    for (const auto& file : {old, journal, copy}) make_older(file, std::chrono::hours(25));
    CHECK(kinds(living.verify()).count("left_behind") == 2);
    const ArtifactManager next(base);
    CHECK_FALSE(fs::exists(old));
    CHECK_FALSE(fs::exists(journal));
    CHECK(fs::exists(young));
    CHECK(fs::exists(copy));
}

TEST_CASE("what an export that died left in audit/ is noted, and goes at the next opening") {
    const Scratch scratch;
    { const ArtifactManager made(scratch / "store"); }
    const auto left = scratch.file("store/audit/incoming-0123456789abcdef0123456789abcdef", "half a month");
    const auto other = scratch.file("store/audit/incoming-notes", "not of ours");
    const ArtifactManager manager(scratch / "store");
    CHECK_FALSE(fs::exists(left));
    CHECK(fs::exists(other));
}
