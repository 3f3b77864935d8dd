#include "base/process.hpp"

#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <climits>
#include <csignal>
#include <thread>

#include "base/text.hpp"
#include "support/scratch.hpp"

using namespace custody::base;

namespace {

/// A child that does `work` and waits to be killed.
class Child {
   public:
    template <class Work>
    explicit Child(Work work) {
        REQUIRE(pipe(ends_.data()) == 0);
        pid_ = fork();
        if (pid_ == 0) {
            work(ends_[1]);
            for (;;) pause();
        }
        close(ends_[1]);
        char ready = 0;
        REQUIRE(read(ends_[0], &ready, 1) == 1);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        end();
        reap();
        close(ends_[0]);
    }
    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Ends it, and leaves it as a zombie.
    void end() const {
        kill(pid_, SIGKILL);
        siginfo_t info{};
        waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
    }
    void reap() const { waitpid(pid_, nullptr, 0); }

   private:
    std::array<int, 2> ends_{};
    pid_t pid_ = -1;
};

void report(int end) { static_cast<void>(!write(end, "x", 1)); }

ProcessIdentity identity_of(pid_t pid) {
    auto identity = current_process();
    identity.pid = pid;
    const std::string line = custody::testing::slurp("/proc/" + std::to_string(pid) + "/stat");
    std::size_t at = line.rfind(')') + 1;
    for (int field = 3; field < 22; ++field) at = line.find(' ', at + 1);
    identity.started_ticks = std::stoll(line.substr(at));
    return identity;
}

}  // namespace

TEST_CASE("this process is known by boot, namespace, pid and start") {
    const auto self = current_process();
    CHECK(self.boot_id.size() == 36);
    CHECK(self.pid_namespace > 0);
    CHECK(self.pid == getpid());
    CHECK(self.started_ticks > 0);
    CHECK(self.started_ticks == identity_of(getpid()).started_ticks);
    CHECK_FALSE(is_gone(self));
}

TEST_CASE("a process is gone once it has ended, even before its parent has asked") {
    const Child child(report);
    const auto identity = identity_of(child.pid());
    CHECK_FALSE(is_gone(identity));
    child.end();
    CHECK(is_gone(identity));
    child.reap();
    CHECK(is_gone(identity));
}

TEST_CASE("a process whose first thread has ended is not gone") {
    static int end = -1;
    const Child child([](int write_end) {
        end = write_end;
        std::thread([] {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            report(end);
            for (;;) pause();
        }).detach();
        syscall(SYS_exit, 0);  // of this thread alone
    });
    const auto identity = identity_of(child.pid());
    CHECK(custody::testing::slurp("/proc/" + std::to_string(child.pid()) + "/stat").find(") Z ") != std::string::npos);
    CHECK_FALSE(is_gone(identity));
}

TEST_CASE("a pid that now belongs to another process doesn't keep the old one alive") {
    auto other = current_process();
    --other.started_ticks;
    CHECK(is_gone(other));
    other.started_ticks = 0;  // not known
    CHECK_FALSE(is_gone(other));
}

TEST_CASE("another boot means gone, another pid namespace that it can't be told") {
    auto other = current_process();
    other.pid = INT_MAX;  // past the greatest pid there can be
    CHECK(is_gone(other));
    ++other.pid_namespace;
    CHECK_FALSE(is_gone(other));
    other.pid_namespace = 0;
    CHECK_FALSE(is_gone(other));
    other.boot_id = "00000000-0000-0000-0000-000000000000";
    CHECK(is_gone(other));
    other.boot_id.clear();
    CHECK_FALSE(is_gone(other));
}

TEST_CASE("pids that no process can have are gone, and signal nobody") {
    auto other = current_process();
    for (const std::int64_t pid : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{INT_MAX} + 2, INT64_MIN, INT64_MAX}) {
        other.pid = pid;
        CHECK(is_gone(other));
    }
}

TEST_CASE("a forked child is another process") {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    const pid_t child = fork();
    if (child == 0) {
        const auto pid = current_process().pid;
        _exit(write(ends[1], &pid, sizeof pid) == sizeof pid ? 0 : 1);
    }
    std::int64_t pid = 0;
    REQUIRE(read(ends[0], &pid, sizeof pid) == sizeof pid);
    waitpid(child, nullptr, 0);
    close(ends[0]);
    close(ends[1]);
    CHECK(pid == child);
}

TEST_CASE("the agent is who runs this program") {
    const auto agent = current_agent("");
    CHECK(agent.host + "\n" == custody::testing::shell("uname -n").out);
    CHECK(agent.os_user + "\n" == custody::testing::shell("id -un || id -u").out);
    CHECK(agent.pid == getpid());
    CHECK(agent.uid == geteuid());
    CHECK(agent.program == program_invocation_short_name);
    CHECK(current_agent("blur").program == "blur");
    CHECK(is_clean_utf8(current_agent("bl\xFFur").program));
}

TEST_CASE("an account without a name is told by its number") {
    if (geteuid() != 0) return;
    const pid_t child = fork();
    if (child == 0) {
        if (setuid(54321) != 0) _exit(2);
        const auto agent = current_agent("");
        _exit(agent.os_user == "54321" && agent.uid == 54321 ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}
