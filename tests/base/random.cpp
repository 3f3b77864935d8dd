#include "base/random.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

using namespace custody::base;
using Draw = std::array<std::uint8_t, 16>;

TEST_CASE("random bytes fill the whole buffer, and no two draws of many threads are equal") {
    std::set<Draw> seen;
    std::mutex guard;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 500; ++i) {
                Draw draw{};
                random_bytes(draw);
                const std::lock_guard lock(guard);
                seen.insert(draw);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(seen.size() == 4000);
    for (std::size_t place = 0; place < 16; ++place) {
        CHECK(std::any_of(seen.begin(), seen.end(), [place](const Draw& draw) { return draw[place] != 0; }));
    }
}

TEST_CASE("random bytes of a forked child are not its parent's") {
    Draw before{};
    random_bytes(before);
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    const pid_t child = fork();
    if (child == 0) {
        Draw own{};
        random_bytes(own);
        _exit(write(ends[1], own.data(), own.size()) == 16 ? 0 : 1);
    }
    Draw ours{};
    random_bytes(ours);
    Draw theirs{};
    REQUIRE(read(ends[0], theirs.data(), theirs.size()) == 16);
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    close(ends[0]);
    close(ends[1]);
    CHECK(ours != theirs);
}

TEST_CASE("an empty buffer is filled with nothing") { CHECK_NOTHROW(random_bytes({})); }
