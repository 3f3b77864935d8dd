// Errors of the disk, injected into one create at every call that writes: it is there, or it left one entry and nothing else.
#include "robustness/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

struct Counts {
    std::int64_t artifacts;
    std::int64_t created;
    std::int64_t failed;
    std::int64_t told;  ///< entries that tell of what couldn't be recorded
};

Counts counts_of(const fs::path& store) {
    return {std::stoll(stock_sql(store, "SELECT count(*) FROM artifacts")),
            count_entries(store, "operation = 'artifact_creation'"),
            count_entries(store, "operation = 'artifact_storage' AND action = 'store' AND outcome = 'failed'"),
            count_entries(store, "json_extract(line, '$.details.unrecorded') IS NOT NULL")};
}

bool opened(const Ran& ran) { return !contains(ran.err, "not opened"); }

/// What one injected error came to.
void check_outcome(const fs::path& store, const Ran& ran, const Counts& before) {
    const auto after = counts_of(store);
    if (ran.exit_code == 0) {
        CHECK(after.artifacts == before.artifacts + 1);
        CHECK(after.created == before.created + 1);
        ArtifactManager manager(store, {.create = false});
        CHECK(manager.get_artifact_file(ArtifactId::parse(ran.out.substr(3, 36)), true).has_value());
        return;
    }
    CHECK(after.artifacts == before.artifacts);
    CHECK(after.created == before.created);
    if (!opened(ran)) {
        CHECK(after.failed == before.failed);
    } else if (contains(ran.err, "could not be recorded")) {
        CHECK(after.failed == before.failed);
        CHECK((after.told == before.told + 1 || contains(ran.err, "not looked up")));
    } else {
        CHECK(after.failed == before.failed + 1);
    }
}

/// Lets the Nth call fail for N = 1, 2, … until the create has no such call left.
void fail_every(const std::string& call, const std::string& error, const std::string& suffix) {
    const Scratch scratch;
    const auto store = scratch / "store";
    { ArtifactManager manager(store); }
    int failures = 0;
    for (int n = 1; n < 100; ++n) {
        const auto inject = call + ":error=" + error + ":when=" + std::to_string(n) + suffix;
        CAPTURE(inject);
        const auto before = counts_of(store);
        const auto log = scratch / "trace";
        const auto ran = drive("create " + quoted(store) + " 'content " + std::to_string(n) + "'",
                               "-o " + quoted(log) + " -e trace=" + call + " -e inject=" + inject);
        CAPTURE(ran.err);
        REQUIRE(ran.exit_code <= 2);
        check_outcome(store, ran, before);
        failures += ran.exit_code == 0 ? 0 : 1;
        if (!contains(slurp(log), "(INJECTED)")) break;
    }
    MESSAGE(call << " " << error << suffix << ": " << failures << " creates failed");
    ArtifactManager manager(store, {.create = false});
    CHECK(manager.verify().ok());
}

}  // namespace

TEST_CASE("an error of the disk at any sync of a create") {
    if (!can_trace()) return;
    fail_every("fsync", "EIO", "");
    fail_every("fdatasync", "EIO", "");
    fail_every("fdatasync", "ENOSPC", "");
}

TEST_CASE("an error of the disk from some sync of a create on") {
    if (!can_trace()) return;
    fail_every("fdatasync", "EIO", "+");
#ifdef CUSTODY_LONG_TESTS
    fail_every("fsync", "EIO", "+");
#endif
}

TEST_CASE("an error at any write of a create") {
    if (!can_trace()) return;
    fail_every("pwrite64", "ENOSPC", "");
#ifdef CUSTODY_LONG_TESTS
    fail_every("pwrite64", "EIO", "");
    fail_every("pwrite64", "ENOSPC", "+");
#endif
}

TEST_CASE("an error at any other call by which a create changes the disk") {
    if (!can_trace()) return;
    fail_every("linkat", "ENOSPC", "");
    fail_every("linkat", "EIO", "");
    fail_every("mkdir", "ENOSPC", "");
#ifdef CUSTODY_LONG_TESTS
    for (const char* call : {"ftruncate", "fchmod", "openat", "mmap", "fcntl", "pread64"}) fail_every(call, "EIO", "");
#endif
}
