#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <custody/error.hpp>
#include <memory>
#include <optional>
#include <thread>

#include "blobs/durable.hpp"
#include "blobs/support.hpp"

using namespace custody::testing;
using custody::blobs::ProcessFolder;
using custody::blobs::remove_dead_process_folders;
namespace fs = std::filesystem;

TEST_CASE("a process folder is there while its object lives, and can be emptied") {
    const Scratch scratch;
    fs::path path;
    {
        ProcessFolder folder(scratch.path(), 0700);
        path = folder.path();
        CHECK(path.filename().string().find(std::to_string(::getpid()) + "-") == 0);
        CHECK(mode_of(path) == 0700U);
        fs::create_directories(path / "a/b");
        scratch.file(path.filename().string() + "/c", "x");
        CHECK(remove_dead_process_folders(scratch.path()) == 0);
        CHECK(folder.empty() == 3);
        CHECK(fs::is_empty(path));
    }
    CHECK_FALSE(fs::exists(path));
}

TEST_CASE("a forked child neither removes its parent's folder nor keeps the name of a dead one") {
    const Scratch scratch;
    auto folder = std::make_unique<ProcessFolder>(scratch.path(), 0700);
    const pid_t child = ::fork();
    if (child == 0) {
        folder.reset();
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(fs::exists(folder->path()));
    CHECK(remove_dead_process_folders(scratch.path()) == 0);
}

TEST_CASE("the folders of killed processes are removed, nothing else is") {
    const Scratch scratch;
    scratch.file("notes/keep", "x");
    scratch.file("1-2", "x");
    const ProcessFolder own(scratch.path(), 0700);
    const pid_t child = ::fork();
    if (child == 0) {
        const ProcessFolder folder(scratch.path(), 0700);
        fs::create_directories(folder.path() / "left");
        ::raise(SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    CHECK(remove_dead_process_folders(scratch.path()) == 1);
    CHECK(fs::exists(own.path()));
    CHECK(fs::exists(scratch / "notes/keep"));
    CHECK(fs::exists(scratch / "1-2"));
    CHECK(remove_dead_process_folders(scratch / "missing") == 0);
}

TEST_CASE("a folder that a sweep takes between its making and its lock is made anew") {
    if (!can_trace()) return;
    const Scratch scratch;
    std::atomic<bool> stop = false;
    std::size_t taken = 0;
    std::jthread sweeper([&] {
        while (!stop) taken += remove_dead_process_folders(scratch.path());
    });
    const auto ran = drive("folder '" + scratch.path().string() + "'",
                           "-o /dev/null -e trace=flock -e inject=flock:delay_enter=300000:when=1");
    stop = true;
    sweeper.join();
    CHECK(taken >= 1);
    CHECK(ran.out == "there\n");
}

TEST_CASE("the lock of a folder is waited for, but not for ever, and whoever waits can stop it") {
    const Scratch scratch;
    using std::chrono::milliseconds;
    auto held = std::make_optional(custody::blobs::lock_folder(scratch.path()));
    CHECK(message_of<custody::Busy>([&] {
              (void)custody::blobs::lock_folder(scratch.path(), milliseconds(30));
          }).find(scratch.path().string()) != std::string::npos);
    const auto stop = [] { throw custody::Error("stopped by hand"); };
    CHECK(message_of<custody::Error>([&] { (void)custody::blobs::lock_folder(scratch.path(), std::chrono::hours(1), stop); }) ==
          "stopped by hand");
    int looks = 0;
    const auto let_go = [&] {
        if (++looks == 3) held.reset();
    };
    CHECK(custody::blobs::lock_folder(scratch.path(), std::chrono::hours(1), let_go).get() >= 0);
    CHECK(looks == 3);
}
