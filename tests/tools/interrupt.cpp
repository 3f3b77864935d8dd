// Ctrl-C and SIGTERM during long work.
#include <doctest/doctest.h>

#include "tools/command.hpp"

using namespace custody::testing;

namespace {

/// Runs the command and sends it a signal after so many seconds, as a terminal or a supervisor would.
Ran interrupted(const Bench& bench, const std::string& signal, const std::string& arguments, const std::string& after = "0.5") {
    return bench.run("exec timeout --foreground --preserve-status -k 60 -s " + signal + " " + after + " custody " + arguments);
}

std::string files_of(const Bench& bench, const std::string& folder) {
    return bench.run("find store/storage/" + folder + " -type f").out;
}

}  // namespace

TEST_CASE("adding that is interrupted leaves nothing but its entry, and says so") {
    const Bench bench;
    REQUIRE(bench.run("truncate -s 8G large; echo small >small").exit_code == 0);
    for (const auto& [signal, code] : {std::pair<std::string, int>{"INT", 130}, {"TERM", 143}}) {
        for (const std::string how : {"", "--reflink ", "--move "}) {
            const auto ran = interrupted(bench, signal, "add --type log " + how + "small large");
            INFO(signal << " " << how << ran.out << ran.err);
            CHECK(ran.exit_code == code);
            CHECK(ran.out.empty());
            CHECK(contains(ran.err, "interrupted; nothing was added"));
            CHECK(std::filesystem::file_size(bench.files / "large") == 8ULL << 30U);
            CHECK(slurp(bench.files / "small") == "small\n");
            CHECK(files_of(bench, "blobs").empty());
            CHECK(files_of(bench, "trash").empty());
            const auto last = bench.json_of("audit query --limit 1").at(0);
            CHECK(last["operation"] == "artifact_storage");
            CHECK(last["outcome"] == "failed");
        }
    }
    CHECK(bench.json_of("stats")["artifacts"]["total"] == 0);
    CHECK(bench.json_of("verify")["findings"].empty());
}

TEST_CASE("waiting for a pipe can be interrupted too") {
    const Bench bench;
    const auto ran = bench.run(
        "mkfifo pipe; sleep 20 >pipe & sleeper=$!\n"
        "timeout --foreground --preserve-status -k 60 -s INT 0.5 custody add --type log - <pipe; code=$?\n"
        "kill $sleeper; exit $code");
    CHECK(ran.exit_code == 130);
    CHECK(contains(ran.err, "interrupted; nothing was added"));
    CHECK(bench.json_of("verify")["findings"].empty());
}

TEST_CASE("waiting for another writer can be interrupted too, and adds nothing") {
    const Bench bench;
    REQUIRE(bench.run("echo x >file; custody add --type log file").exit_code == 0);
    const auto ran = bench.run(
        "sqlite3 store/storage/catalog.db 'BEGIN IMMEDIATE' '.shell touch held; exec sleep 20 >/dev/null 2>&1' & holder=$!\n"
        "until [ -e held ]; do sleep 0.05; done; echo y >other; begun=$(date +%s)\n"
        "timeout --foreground --preserve-status -k 60 -s INT 1.5 custody add --type log other; code=$?\n"
        "kill $holder; test $(($(date +%s) - begun)) -lt 10 || code=$code-and-late; exit $code");
    INFO(ran.out << ran.err);
    CHECK(ran.exit_code == 130);
    CHECK(ran.out.empty());
    CHECK(contains(ran.err, "interrupted: the wait for another process"));
    CHECK(contains(ran.err, "nothing was changed"));
    CHECK(bench.json_of("stats")["artifacts"]["total"] == 1);
    CHECK(bench.json_of("verify")["ok"] == true);  // what was stored already is for gc to take
}

TEST_CASE("a verification that is interrupted says so, and answers no report") {
    const Bench bench;
    // Moved, so that it stays sparse: hashing it takes seconds, and writing nothing.
    REQUIRE(bench.run("truncate -s 6G large; custody add --type log --move large").exit_code == 0);
    const auto ran = interrupted(bench, "INT", "verify", "0.4");
    INFO(ran.out << ran.err);
    CHECK(ran.exit_code == 130);
    CHECK(ran.out.empty());
    CHECK(contains(ran.err, "interrupted"));
    const auto last = bench.json_of("audit query --limit 1").at(0);
    CHECK(last["action"] == "verify");
    CHECK(last["outcome"] == "failed");
}

TEST_CASE("a signal that was ignored from the start stays ignored, as for nohup") {
    const Bench bench;
    REQUIRE(bench.run("truncate -s 1G large").exit_code == 0);
    // A shell without job control starts what runs in the background so.
    const auto ran = bench.run("custody add --type log large & sleep 0.1; kill -INT $!; wait $!; exit $?");
    INFO(ran.err);
    CHECK(ran.exit_code == 0);
}
