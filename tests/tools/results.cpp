// What a verb answers where its work is done and its result can't be written.
#include <doctest/doctest.h>

#include "tools/command.hpp"

using namespace custody::testing;

namespace {

/// Lines of shell that run the command with an output that is full, and with one whose reader has gone.
std::string to_full_disk(const std::string& arguments) { return "custody " + arguments + " >/dev/full"; }
std::string to_nobody(const std::string& arguments) {
    return "rm -f pipe; mkfifo pipe; (custody " + arguments + "; echo $? >code) >pipe & : <pipe; wait; exit $(cat code)";
}

void is_partial(const Bench& bench, const std::string& line, const std::string& said) {
    const auto ran = bench.run(line);
    INFO(line << "\n" << ran.err);
    CHECK(ran.exit_code == 3);
    CHECK(contains(ran.err, ", but " + said));
}

}  // namespace

TEST_CASE("what changes the store or writes files is done in part, and said on stderr, where its result can't be written") {
    for (const auto& to : {to_full_disk, to_nobody}) {
        const OneArtifact bench;
        const auto output = bench.done("add --type log");
        const auto run = bench.done("run start");
        bench.done("audit keygen --out key");
        is_partial(bench, to("--json status " + output + " failed"), "artifact " + output + " is failed");
        is_partial(bench, to("--json link " + output + " --source " + bench.id), "1 link added");
        is_partial(bench, to("--json link " + output + " --source " + bench.id), "linked already");
        is_partial(bench, to("--json hold add " + bench.id + " --reason why"), "artifact " + bench.id + " is on hold");
        is_partial(bench, to("--json hold remove " + bench.id), "1 hold removed");
        is_partial(bench, to("--json run end " + run), "run " + run + " ended");
        is_partial(bench, to("--json retention set log --days 30"), "payloads of type log are kept for 30 days");
        is_partial(bench, to("--json retention remove log"), "payloads of type log are kept until");
        is_partial(bench, to("--json type add image_raw --sensitivity identified"), "type image_raw is identified");
        is_partial(bench, to("--json init --store other"), "made a store in other");
        is_partial(bench, to("--json migrate"), "the store is of this version already");
        is_partial(bench, to("checkout " + bench.id + " copy"), "the copy was written: ");
        is_partial(bench, to("snapshot --out snapshot.db"), "the snapshot was written: ");
        is_partial(bench, to("backup backup"), "the backup is complete");
        is_partial(bench, to("restore backup restored --reason why"), "the store was restored: restored");
        is_partial(bench, to("audit seal --signing-key key --anchor anchor"), "the trail is sealed to entry ");
        is_partial(bench, to("audit export --all --out ."), "1 file written: ");
        is_partial(bench, to("audit export --format csv --out entries.csv"), "the file was written: ");
        is_partial(bench, to("history " + output + " --prove evidence"), "4 files written: ");
        is_partial(bench, to("export original tree --timezone UTC"), "the tree was written: ");
        is_partial(bench, to("import original tree --timezone UTC --store imported"), "imported 2 artifacts, 1 run and ");
        CHECK(bench.run(to("import original tree --timezone UTC --dry-run")).exit_code == 1);
        CHECK(bench.run("test -s anchor && test -f copy && test -f entries.csv").exit_code == 0);
    }
}

TEST_CASE("a repair whose account can't be written is done in part") {
    for (const auto& to : {to_full_disk, to_nobody}) {
        const OneArtifact bench;
        REQUIRE(bench.run("mkdir kept && mv " + bench.blob + " kept").exit_code == 0);
        is_partial(bench, to("verify --repair --from kept --yes"), "1 thing was repaired");
    }
}
