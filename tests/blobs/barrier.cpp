#include "blobs/barrier.hpp"

#include <doctest/doctest.h>

#include <custody/error.hpp>

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
