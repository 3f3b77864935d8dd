#include "sqlite/layer.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

bool can_trace() {
    static const bool can = shell("strace -qq -o /dev/null true").exit_code == 0;
    if (!can) MESSAGE("skipped: strace is missing or may not trace here");
    return can;
}

}  // namespace

TEST_CASE("a WAL that is there is no new one to SQLite, and one that is missing is made") {
    const TestDatabase test;
    REQUIRE(sqlite3_vfs_find(sqlite::file_layer()) != nullptr);
    CHECK(sqlite3_vfs_find(nullptr) != sqlite3_vfs_find(sqlite::file_layer()));  // programs that use SQLite too keep theirs
    write_type(*test.open(), "a");
    for (const char* suffix : {"-wal", "-shm"}) fs::remove(test.file.string() + suffix);  // as a stock shell does
    write_type(*test.open(), "b");
    CHECK(fs::exists(test.file.string() + "-wal"));
    CHECK(count_types(*test.open()) == 2);
}

TEST_CASE("one small write needs three syncs: the commit's, and the checkpoint's of log and database") {
    if (!can_trace()) return;
    const TestDatabase test;
    write_type(*test.open(), "a");
    fs::last_write_time(test.file.parent_path(), fs::file_time_type::clock::now() - std::chrono::hours(1));  // its names are old
    const Scratch beside;
    const auto log = beside / "syncs";
    // The test's own process can't be traced by itself: a child waits for strace, writes and closes.
    const auto go = beside / "go";
    const pid_t child = in_child([&] {
        while (!fs::exists(go)) ::usleep(1000);
        write_type(*test.open(), "b");
        return 0;
    });
    const auto pid = std::to_string(child);
    shell("strace -qq -f -e trace=fsync,fdatasync -o '" + log.string() + "' -p " + pid + " & tracer=$!\n" +
          "until grep -q 'TracerPid:.[1-9]' /proc/" + pid + "/status; do sleep 0.01; done; touch '" + go.string() +
          "'; wait $tracer");
    CHECK(wait_for(child) == 0);
    const auto text = slurp(log);
    CAPTURE(text);
    std::size_t syncs = 0;
    for (std::size_t at = 0; (at = text.find("sync(", at)) != std::string::npos; ++at) ++syncs;
    CHECK(syncs == 3);
}
