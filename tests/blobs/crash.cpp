// The rules of order as seen from outside: which system calls, in which order, and what is left after a kill at each of them.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <map>

#include <custody/error.hpp>

#include "blobs/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

/// Between them they cut a run into all states of the disk that it passes through.
const std::vector<std::string> changing_calls{"openat", "openat2",  "linkat", "link",   "rename", "renameat", "renameat2",
                                              "unlink", "unlinkat", "write",  "fsync",  "fchmod", "chmod",    "mkdir",
                                              "flock",  "fcntl",    "ioctl",  "fchown", "close"};

std::string quoted(const fs::path& path) { return "'" + path.string() + "'"; }

/// The lines of a trace, without what belongs to the start of the program.
std::vector<std::string> traced(const fs::path& log, const std::string& containing) {
    std::vector<std::string> lines;
    std::ifstream in(log);
    for (std::string line; std::getline(in, line);) {
        if (line.find(containing) != std::string::npos) lines.push_back(line);
    }
    return lines;
}

std::size_t position(const std::vector<std::string>& lines, const std::function<bool(const std::string&)>& wanted,
                     std::size_t from = 0) {
    for (std::size_t i = from; i < lines.size(); ++i) {
        if (wanted(lines[i])) return i;
    }
    return lines.size();
}

/// Kills the driver at each of its system calls in turn and calls `check` after each; `prepare` comes before each.
/// `essential` are the calls without which the action did not happen: a sweep that met none of them swept nothing.
void kill_at_every_call(const std::vector<std::string>& essential, const std::function<std::string()>& prepare,
                        const std::function<void()>& check) {
    std::map<std::string, int> killed;
    for (const auto& call : changing_calls) {
        for (int count = 1;; ++count) {  // strace counts each call by itself
            CAPTURE(call);
            CAPTURE(count);
            const auto arguments = prepare();
            const auto inject = call + ":signal=KILL:when=" + std::to_string(count);
            const auto ran = drive(arguments, "-o /dev/null -e trace=" + call + " -e inject=" + inject);
            check();
            if (ran.exit_code == 0) break;
            REQUIRE(ran.exit_code > 128);
            ++killed[call];
        }
    }
    for (const auto& call : essential) {
        CAPTURE(call);
        CHECK(killed[call] > 0);
    }
}

/// After a kill: every payload under its name is whole, and after a sweep there is nothing else but what tells of a move.
void check_store(TestStore& t) {
    t.store.sweep_trash(0);
    const auto listing = t.store.list();
    CHECK(listing.strangers.empty());
    for (const auto& digest : listing.blobs) {
        CHECK(t.store.matches(digest));
        CHECK(mode_of(t.store.path_of(digest)) == 0400U);
    }
    CHECK(t.files().size() == listing.blobs.size() + t.store.taken_over().size());
}

void clear(TestStore& t) {
    for (const auto& digest : t.store.list().blobs) t.store.discard(digest);
    for (const auto& taken : t.store.taken_over()) fs::remove(taken.mark);
    t.store.sweep_trash(0);
}

}  // namespace

TEST_CASE("a payload is on disk before it has a name, and its folder is synced after") {
    if (!can_trace()) return;
    std::string option;
    SUBCASE("without a name") {}
    SUBCASE("with a temporary name") { option = "no-tmpfile"; }
    SUBCASE("without /proc") { option = "no-proc no-empty-path"; }
    SUBCASE("moved") { option = "move"; }
    TestStore t;
    const auto source = t.scratch.file("source", "content");
    const auto folder = t.store.path_of(base::sha256("content")).parent_path().string();
    const auto log = t.scratch / "trace";
    const auto trace = "-y -o " + quoted(log) + " -e trace=fsync,linkat,link,rename,renameat,renameat2";
    REQUIRE(drive("add " + quoted(t.store.root()) + " " + quoted(source) + " " + option, trace).exit_code == 0);
    const auto lines = traced(log, "");
    CAPTURE(slurp(log));
    const auto is_sync = [](const std::string& line) {
        return line.find("fsync(") != std::string::npos && line.ends_with("= 0");
    };
    const auto synced = position(
        lines, [&](const std::string& line) { return is_sync(line) && line.find("<" + folder + ">") == std::string::npos; });
    const auto named = position(
        lines, [&](const std::string& line) { return line.find("fsync") == std::string::npos && line.ends_with("= 0"); });
    const auto folder_synced = position(
        lines, [&](const std::string& line) { return is_sync(line) && line.find("<" + folder + ">") != std::string::npos; },
        named);
    CHECK(synced < named);
    CHECK(named < folder_synced);
    CHECK(folder_synced < lines.size());
    // Content that is there already: the folder is synced all the same, for the other writer may not have come to it.
    t.scratch.file("again", "content");
    REQUIRE(drive("add " + quoted(t.store.root()) + " " + quoted(t.scratch / "again"), trace).out.find("present") == 0);
    const auto second = traced(log, "<" + folder + ">");
    CHECK(second.size() == 1);
}

TEST_CASE("the names of folders that are there already are made durable: who made them may have been killed before that") {
    if (!can_trace()) return;
    TestStore t;
    const auto log = t.scratch / "trace";
    REQUIRE(drive("create " + quoted(t.store.root()), "-y -o " + quoted(log) + " -e trace=fsync").exit_code == 0);
    CHECK(traced(log, "<" + t.store.root().string() + ">").size() == 2);
}

TEST_CASE("a failing sync, a full disk or a refused link leave nothing behind") {
    if (!can_trace()) return;
    TestStore t;
    const auto source = t.scratch.file("source", "content");
    struct Failure {
        std::string inject, option, says;
    };
    for (const auto& [inject, option, says] : std::vector<Failure>{
             {"fsync:error=EIO:when=1", "", "look at the kernel's log"},
             {"fsync:error=ENOSPC:when=1", "no-tmpfile", "free some space"},
             {"linkat:error=ENOSPC", "", "free some space"},
             {"linkat:error=EDQUOT", "", "quota"},
             {"renameat2:error=ENOSPC", "no-tmpfile", "free some space"},
#ifndef __SANITIZE_ADDRESS__  // the sanitizer writes to pipes of its own
             {"write:error=EIO", "", "look at the kernel's log"},
             {"write:error=ENOSPC", "no-tmpfile", "free some space"},
#endif
             {"fchmod:error=EPERM", "", "permissions"},
             {"fchmod:error=EPERM", "no-tmpfile", "permissions"},
             {"fsync:error=EIO:when=1", "move", "look at the kernel's log"},
             {"renameat2:error=EIO", "move", "look at the kernel's log"},
         }) {
        CAPTURE(inject);
        CAPTURE(option);
        const auto call = inject.substr(0, inject.find(':'));
        const auto ran = drive("add " + quoted(t.store.root()) + " " + quoted(source) + " " + option,
                               "-o /dev/null -e trace=" + call + " -e inject=" + inject);
        CHECK(ran.exit_code == 1);
        CHECK(ran.err.find(says) != std::string::npos);
        CHECK(t.files().empty());
        CHECK(slurp(source) == "content");
        CHECK(mode_of(source) != 0400U);
    }
}

TEST_CASE("whatever the system refuses there is another way") {
    if (!can_trace()) return;
    for (const std::string option : {"", "no-tmpfile", "move", "no-tmpfile no-noreplace"}) {
        for (const std::string inject :
             {"linkat:error=EPERM", "linkat:error=ENOENT:when=1", "linkat:error=ENOENT", "renameat2:error=EINVAL",
              "renameat2:error=ENOSYS", "ioctl:error=ENOTTY", "flock:error=ENOLCK", "sync_file_range:error=EINVAL",
              "link:error=EPERM", "fcntl:error=EINVAL:when=1"}) {
            CAPTURE(option);
            CAPTURE(inject);
            TestStore t;
            const auto source = t.scratch.file("source", "content");
            const auto call = inject.substr(0, inject.find(':'));
            const auto ran = drive("add " + quoted(t.store.root()) + " " + quoted(source) + " " + option,
                                   "-o /dev/null -e trace=" + call + " -e inject=" + inject);
            CAPTURE(ran.err);
            CHECK(ran.exit_code == 0);
            CHECK(t.store.matches(base::sha256("content")));
            CHECK(t.files().size() == 1);
            CHECK(fs::exists(source) == (option != "move"));
        }
    }
}

TEST_CASE("a kill at any moment of an add leaves whole payloads or none") {
    if (!can_trace()) return;
    std::string option;
    SUBCASE("without a name") {}
    SUBCASE("with a temporary name") { option = "no-tmpfile"; }
    TestStore t;
    const auto source = t.scratch.file("source", std::string(100000, 'c'));
    kill_at_every_call(
        {"openat", "write", "fsync", option.empty() ? "linkat" : "renameat2"},
        [&] {
            clear(t);
            return "add " + quoted(t.store.root()) + " " + quoted(source) + " " + option;
        },
        [&] {
            check_store(t);
            CHECK(slurp(source).size() == 100000);
        });
}

TEST_CASE("a kill at any moment of a move never loses the only copy") {
    if (!can_trace()) return;
    TestStore t;
    bool present = false;
    SUBCASE("new content") {}
    SUBCASE("content that was there") { present = true; }
    kill_at_every_call(
        {"fsync", "close"},
        [&] {
            clear(t);
            if (present) t.add("content");
            ::unlink((t.scratch / "source").c_str());
            return "add " + quoted(t.store.root()) + " " + quoted(t.scratch.file("source", "content")) + " move";
        },
        [&] {
            check_store(t);
            CHECK((t.store.matches(base::sha256("content")) || slurp(t.scratch / "source") == "content"));
        });
}

TEST_CASE("a kill at any moment of a healing leaves the bad payload or the good one, never none") {
    if (!can_trace()) return;
    TestStore t;
    const auto source = t.scratch.file("source", "content");
    const auto path = t.store.path_of(base::sha256("content"));
    kill_at_every_call(
        {"openat", "write", "fsync", "rename"},
        [&] {
            clear(t);
            ::unlink(path.c_str());
            t.scratch.file(path.lexically_relative(t.scratch.path()).string(), "CONTENT");
            return "add " + quoted(t.store.root()) + " " + quoted(source);
        },
        [&] {
            const auto now = slurp(path);
            CHECK((now == "content" || now == "CONTENT"));
            t.store.sweep_trash(0);
            CHECK(t.files().size() == 1);
        });
}

TEST_CASE("a kill at any moment of an atomic rewrite leaves the old file or the new one") {
    if (!can_trace()) return;
    const Scratch scratch;
    kill_at_every_call(
        {"openat", "write", "fsync", "rename"},
        [&] {
            scratch.file("out", "old");
            return "rewrite " + quoted(scratch / "out") + " new";
        },
        [&] {
            const auto now = slurp(scratch / "out");
            CHECK((now == "old" || now == "newnewnew"));
        });
}

TEST_CASE("a kill at any moment of a discard or a sweep loses nothing else") {
    if (!can_trace()) return;
    TestStore t;
    const auto kept = t.add("kept");
    std::string action;
    SUBCASE("discard") { action = "discard"; }
    SUBCASE("sweep") { action = "sweep"; }
    kill_at_every_call(
        {action == "sweep" ? "unlink" : "rename"},
        [&] {
            const auto digest = t.add("content");
            if (action == "sweep") t.store.discard(digest);
            return action + " " + quoted(t.store.root()) + " " + (action == "sweep" ? "0" : digest.hex());
        },
        [&] { CHECK(t.store.matches(kept)); });
    check_store(t);
}
