#include "sqlite/write_queue.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using sqlite::WriteQueue;

namespace {

#ifdef CUSTODY_LONG_TESTS
constexpr int writes_each = 2000;
#else
constexpr int writes_each = 150;
#endif

std::int64_t wait_once_ms(WriteQueue& queue, std::chrono::milliseconds deadline = 30s) {
    const auto start = Clock::now();
    const auto turn = queue.wait(sqlite::Patience(start + deadline));
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
}

/// Numbers that a forked child can answer in.
struct Shared {
    std::int64_t* values;
    explicit Shared(std::size_t count)
        : values(static_cast<std::int64_t*>(
              ::mmap(nullptr, count * sizeof(std::int64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
};

/// Starts a child that holds the turn until it is killed, or for so long after it has said that it is about to go.
pid_t start_holder(const std::filesystem::path& file, const Shared& shared, std::chrono::milliseconds about_to_go = 0ms) {
    const pid_t child = in_child([&] {
        WriteQueue queue(file, 0600);
        auto turn = queue.wait(sqlite::Patience(Clock::now() + 30s));
        if (about_to_go != 0ms) turn.ends_soon();
        shared.values[0] = 1;
        about_to_go == 0ms ? static_cast<void>(::pause()) : std::this_thread::sleep_for(about_to_go);
        return 0;
    });
    while (static_cast<volatile std::int64_t*>(shared.values)[0] == 0) std::this_thread::sleep_for(1ms);
    return child;
}

/// What the queue's file holds: tickets drawn, served, about to end, kept, and one more than the one that is aside.
std::array<std::uint32_t, 5> counters(const std::filesystem::path& file) {
    std::array<std::uint32_t, 5> all{};
    std::ifstream(file, std::ios::binary).read(reinterpret_cast<char*>(all.data()), sizeof all);
    return all;
}

enum class Absence { away, dies_away, dies_at_work };

/// Starts a child that comes back for one turn after another until it keeps one, says so, and is of no use from then on.
pid_t start_absentee(const std::filesystem::path& file, const Shared& shared, Absence absence) {
    return in_child([&] {
        const auto go = [&] {
            shared.values[0] = 1;
            if (absence != Absence::away) ::raise(SIGKILL);
            for (;;) ::pause();
        };
        WriteQueue queue(file, 0600);
        for (;;) {
            {
                auto turn = queue.wait(sqlite::Patience(Clock::now() + 30s));
                turn.ends_soon();
                const auto now = counters(file);
                if (absence == Absence::dies_at_work && now[1] != 0 && now[3] == now[1]) go();
            }
            if (absence != Absence::dies_at_work && counters(file)[4] != 0) go();
        }
        return 0;
    });
}

}  // namespace

TEST_CASE("eight processes that write without pause are served in turn") {
    constexpr int processes = 8;
    const TestDatabase test;
    const Shared worst_ms(processes);
    std::vector<pid_t> children;
    const auto start = Clock::now();
    for (int p = 0; p < processes; ++p) {
        children.push_back(in_child([&, p] {
            const auto database = test.open();
            for (int i = 0; i < writes_each; ++i) {
                const auto before = Clock::now();
                write_type(*database, "p" + std::to_string(p) + "_" + std::to_string(i));
                const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - before).count();
                worst_ms.values[p] = std::max<std::int64_t>(worst_ms.values[p], waited);
            }
            return 0;
        }));
    }
    for (const auto child : children) CHECK(wait_for(child) == 0);
    const auto all_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
    const auto worst = *std::max_element(worst_ms.values, worst_ms.values + processes);
    MESSAGE("worst wait " << worst << " ms; " << processes * writes_each << " commits in " << all_ms << " ms");
    CHECK(worst < 3000);  // without turns some waited for as long as the others wrote; the machine may be busy
    const auto database = test.open();
    CHECK(count_types(*database) == processes * writes_each);
}

TEST_CASE("a holder that was killed is passed over at once") {
    const Scratch scratch;
    const auto file = scratch / "write-queue";
    const Shared shared(1);
    const pid_t holder = start_holder(file, shared);
    WriteQueue queue(file, 0600);
    ::kill(holder, SIGKILL);
    CHECK(wait_for(holder) == 128 + SIGKILL);
    CHECK(wait_once_ms(queue) < 500);
    CHECK(wait_once_ms(queue) < 100);  // and the line moves again
}

TEST_CASE("a holder that is alive and stuck keeps nobody for longer than a second or the deadline") {
    const Scratch scratch;
    const auto file = scratch / "write-queue";
    const Shared shared(1);
    const pid_t holder = start_holder(file, shared);
    WriteQueue queue(file, 0600);
    CHECK(wait_once_ms(queue, 200ms) < 700);
    const auto waited = wait_once_ms(queue);
    CHECK(waited >= 900);
    CHECK(waited < 2500);
    ::kill(holder, SIGKILL);
    wait_for(holder);
}

TEST_CASE("a turn that was said to end soon is waited for as any other, and passed over where its holder dies") {
    const Scratch scratch;
    const auto file = scratch / "write-queue";
    WriteQueue queue(file, 0600);
    for (const auto deadline : {30000ms, 50ms}) {  // the second ends by itself
        const Shared shared(1);
        const pid_t holder = start_holder(file, shared, 400ms);
        CHECK((wait_once_ms(queue, deadline) >= 200) == (deadline > 400ms));
        CHECK(wait_for(holder) == 0);
        CHECK(wait_once_ms(queue) < 100);
    }
    const Shared shared(1);
    const pid_t holder = start_holder(file, shared, 30s);
    ::kill(holder, SIGKILL);
    CHECK(wait_for(holder) == 128 + SIGKILL);
    CHECK(wait_once_ms(queue) < 500);
}

TEST_CASE("whoever is back at once keeps its turn for a while, and no two have one") {
    constexpr int processes = 4;
    constexpr int turns_each = 3000;
    const Scratch scratch;
    const auto file = scratch / "write-queue";
    // Who has the turn, the last one who had it, how often that changed, how often two had it, and who is there.
    const Shared shared(5);
    std::vector<pid_t> children;
    for (int p = 1; p <= processes; ++p) {
        children.push_back(in_child([&, p] {
            const auto value = [&](std::size_t i) { return std::atomic_ref(shared.values[i]); };
            WriteQueue queue(file, 0600);
            for (++value(4); value(4) < processes;) std::this_thread::yield();
            for (int i = 0; i < turns_each; ++i) {
                if (i % 100 == p) std::this_thread::sleep_for(200us);  // away for too long
                auto turn = queue.wait(sqlite::Patience(Clock::now() + 30s));
                if (value(0).exchange(p) != 0) ++value(3);
                if (value(1).exchange(p) != p) ++value(2);
                turn.ends_soon();
                for (const auto until = Clock::now() + 10us; Clock::now() < until;) continue;
                if (value(0).exchange(0) != p) ++value(3);
            }
            return 0;
        }));
    }
    for (const auto child : children) CHECK(wait_for(child) == 0);
    MESSAGE(shared.values[2] << " changes of the holder in " << processes * turns_each << " turns");
    CHECK(shared.values[3] == 0);
    CHECK(shared.values[2] < processes * turns_each / 2);
    CHECK(shared.values[2] > processes);
}

TEST_CASE("a turn that is kept goes to the next one where its holder stays away, and where it dies") {
    const Scratch scratch;
    const auto file = scratch / "write-queue";
    WriteQueue queue(file, 0600);
    for (const auto absence : {Absence::away, Absence::dies_away, Absence::dies_at_work}) {
        CAPTURE(absence);
        const Shared shared(1);
        const pid_t absentee = start_absentee(file, shared, absence);
        std::int64_t longest_ms = 0;
        while (static_cast<volatile std::int64_t*>(shared.values)[0] == 0) longest_ms = std::max(longest_ms, wait_once_ms(queue));
        for (int i = 0; i < 3; ++i) longest_ms = std::max(longest_ms, wait_once_ms(queue));
        CHECK(longest_ms < 500);
        ::kill(absentee, SIGKILL);
        wait_for(absentee);
    }
}

TEST_CASE("where there can be no queue everybody goes ahead") {
    const Scratch scratch;
    std::filesystem::create_directory(scratch / "folder");
    std::filesystem::create_symlink(scratch / "elsewhere", scratch / "link");
    for (const auto& file : {scratch / "missing/write-queue", scratch / "folder", scratch / "link"}) {
        WriteQueue queue(file, 0600);
        const auto turn = queue.wait(sqlite::Patience(Clock::now() + 30s));
        CHECK(wait_once_ms(queue) < 100);
    }
    CHECK_FALSE(std::filesystem::exists(scratch / "elsewhere"));
}

TEST_CASE("nonsense in the queue's file costs no more than patience, and only once") {
    const Scratch scratch;
    const std::string garbage[] = {std::string(8, '\xff'), std::string("\xff\xff\xff\x7f\0\0\0\0", 8),
                                   std::string("\0\0\0\0\xff\xff\xff\x7f", 8), std::string("\0\x10\0\0\0\0\0\0", 8), "abc"};
    for (const auto& bytes : garbage) {
        CAPTURE(bytes.size());
        const auto file = scratch.file("write-queue", bytes);
        WriteQueue queue(file, 0600);
        CHECK(wait_once_ms(queue) < 2500);
        CHECK(wait_once_ms(queue) < 100);
        // Turns are real again: one that is held keeps the next one waiting.
        const auto turn = queue.wait(sqlite::Patience(Clock::now() + 30s));
        WriteQueue second(file, 0600);
        CHECK(wait_once_ms(second, 150ms) >= 100);
    }
}

TEST_CASE("many that gave up or died in line don't make the next one wait for each of them") {
    const Scratch scratch;
    const auto file = scratch / "write-queue";
    const Shared shared(1);
    const pid_t holder = start_holder(file, shared);
    WriteQueue queue(file, 0600);
    for (int i = 0; i < 200; ++i) (void)wait_once_ms(queue, 0ms);
    ::kill(holder, SIGKILL);
    wait_for(holder);
    CHECK(wait_once_ms(queue) < 500);
}
