// What appears on a terminal alone: colour, progress, the question before a cleanup.
#include <doctest/doctest.h>

#include "tools/command.hpp"

using namespace custody::testing;

namespace {

/// Runs the line on a pseudo-terminal, 100 columns wide, and answers all that it showed.
Ran on_terminal(const Bench& bench, const std::string& line, const std::string& typed = "") {
    bench.files.file("line.sh", "stty cols 100\n" + line + "\n");
    return bench.run("printf '" + typed + "' | TERM=xterm script -qec 'sh line.sh' /dev/null");
}

}  // namespace

TEST_CASE("colour appears on a terminal only, and never with NO_COLOR or a dumb one") {
    const Bench bench;
    const auto id = bench.done("add --type log");
    bench.done("status " + id + " failed");
    CHECK(contains(on_terminal(bench, "custody list").out, "\033[31mfailed\033[0m"));
    CHECK_FALSE(contains(on_terminal(bench, "NO_COLOR=1 custody list").out, "\033["));
    CHECK_FALSE(contains(on_terminal(bench, "TERM=dumb custody list").out, "\033["));
    CHECK_FALSE(contains(on_terminal(bench, "custody list | cat").out, "\033["));
    CHECK_FALSE(contains(on_terminal(bench, "custody list --json").out, "\033["));
}

TEST_CASE("the last column is cut to the terminal's width, and nowhere else") {
    const Bench bench;
    const std::string name(200, 'n');
    bench.files.file("a", "a");
    bench.done("add --type log --name " + name + " a");
    for (const auto& line : lines_of(on_terminal(bench, "NO_COLOR=1 custody list").out)) CHECK(line.size() <= 101);
    CHECK(contains(bench.done("list"), name));
}

TEST_CASE("long work shows a bar with rate and time left on a terminal, and nothing elsewhere") {
    const Bench bench;
    REQUIRE(bench.run("head -c 48000000 /dev/urandom >big").exit_code == 0);
    const auto shown = on_terminal(bench, "custody add --type log big").out;
    CHECK(contains(shown, "adding ["));
    CHECK(contains(shown, "/s"));
    CHECK(contains(shown, " left"));
    CHECK(contains(shown, "\r\033[K"));
    CHECK(contains(on_terminal(bench, "custody verify").out, "verifying ["));
    CHECK_FALSE(contains(on_terminal(bench, "custody --quiet verify").out, "verifying"));
    CHECK_FALSE(contains(on_terminal(bench, "TERM=dumb custody verify").out, "verifying ["));
    CHECK_FALSE(contains(bench.custody("verify").err, "verifying"));
    CHECK(bench.custody("add --type log big").err.empty());
}

TEST_CASE("work of unknown length shows how much and how fast") {
    const Bench bench;
    const auto shown =
        on_terminal(bench, "(head -c 3000000 /dev/zero; sleep 0.6; head -c 3000000 /dev/zero) | custody add --type log -").out;
    CHECK(contains(shown, "adding "));
    CHECK(contains(shown, "MiB/s"));
    CHECK_FALSE(contains(shown, " left"));
}

TEST_CASE("cleanup asks on a terminal, and only a yes removes") {
    const Bench bench;
    bench.files.file("a", "a");
    const auto id = bench.done("add --type log a");
    const auto no = on_terminal(bench, "custody cleanup --older-than 0; echo code $?", "n\\n");
    CHECK(contains(no.out, "[y/N]"));
    CHECK(contains(no.out, "1 artifact, at most 1 B; 0 kept"));
    CHECK(contains(no.out, "code 1"));
    CHECK(bench.done("cat " + id) == "a");
    CHECK(contains(on_terminal(bench, "custody cleanup --older-than 0; echo code $?", "\\n").out, "code 1"));
    CHECK(contains(on_terminal(bench, "custody cleanup --older-than 0; echo code $?", "y\\n").out, "code 0"));
    CHECK(bench.custody("cat " + id).exit_code == 1);
    CHECK_FALSE(contains(on_terminal(bench, "custody cleanup --older-than 0").out, "[y/N]"));
    for (const std::string yes : {"Y", "yes", "Yes", "YES"}) {
        const auto next = bench.done("add --type log a");
        CHECK(contains(on_terminal(bench, "custody cleanup --older-than 0; echo code $?", yes + "\\n").out, "code 0"));
        CHECK(bench.custody("cat " + next).exit_code == 1);
    }
}

TEST_CASE("a repair that asks shows on the terminal what it is about, and stdout has JSON alone where that is asked for") {
    const OneArtifact bench;
    REQUIRE(bench.run("mkdir kept && mv " + bench.blob + " kept").exit_code == 0);
    const auto ran = on_terminal(bench, "custody verify --repair --from kept --json >report.json; echo code $?", "y\\n");
    CHECK(contains(ran.out, "would repair: payload: "));
    CHECK(contains(ran.out, "[y/N]"));
    CHECK(contains(ran.out, "code 0"));
    CHECK(custody::ordered_json::parse(slurp(bench.files / "report.json"))["repairs"].size() == 1);
}
