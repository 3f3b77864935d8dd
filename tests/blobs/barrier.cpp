#include "blobs/barrier.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <custody/error.hpp>
#include <latch>
#include <thread>
#include <vector>

#include "support/scratch.hpp"

using namespace custody;
using namespace custody::testing;
using blobs::Barrier;

TEST_CASE("a barrier is for local file systems that tell of failed writes, and can be done without") {
    const Scratch scratch;
    CHECK_FALSE(Barrier::works_in(scratch.path(), {.syncfs = false}));
    CHECK_FALSE(Barrier::works_in("/proc", {}));
    CHECK_THROWS_AS((void)Barrier::works_in(scratch / "missing", {}), IoError);
    CHECK(Barrier::works_in("/dev/shm", {}));  // tmpfs
}

TEST_CASE("a barrier is made of a folder") {
    const Scratch scratch;
    CHECK_NOTHROW(Barrier(scratch.path()).sync());
    CHECK_THROWS_AS(Barrier(scratch / "missing"), IoError);
    CHECK_THROWS_AS(Barrier(scratch.file("file", "")), IoError);
}

TEST_CASE("syncs that are made at once are each made once, together, and the first failure ends them") {
    std::vector<std::atomic<int>> calls(1000);
    blobs::sync_at_once(calls.size(), [&](std::size_t i) { ++calls[i]; });
    CHECK(std::all_of(calls.begin(), calls.end(), [](const auto& count) { return count == 1; }));
    CHECK_NOTHROW(blobs::sync_at_once(0, [](std::size_t) { FAIL("there is nothing"); }));

    std::latch all_wait(16);
    blobs::sync_at_once(16, [&](std::size_t) { all_wait.arrive_and_wait(); });

    std::atomic<int> begun{0};
    const auto fail = [&](std::size_t i) {
        ++begun;
        if (i == 40) throw IoError("the disk is full", 28);
        // On a busy machine the others could be through with all of them before the one that failed can say so.
        if (i > 40) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    };
    CHECK_THROWS_AS(blobs::sync_at_once(100000, fail), IoError);
    CHECK(begun < 100000);
}
