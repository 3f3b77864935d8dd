// verify and doctor.
#include <doctest/doctest.h>

#include "tools/command.hpp"

using namespace custody::testing;

TEST_CASE("a sound store verifies, wholly, quickly and by sample") {
    const OneArtifact bench;
    const auto report = bench.json_of("verify");
    CHECK(report["artifacts"] == 1);
    CHECK(report["payloads_hashed"] == 1);
    CHECK(report["bytes_hashed"] == 10);
    CHECK(report["database"] == "ok");
    CHECK(bench.json_of("verify --quick")["payloads_hashed"] == 0);
    CHECK(bench.custody("verify --sample 50").exit_code == 0);
    CHECK(contains(bench.done("verify"), "nothing is lost, wrong or altered"));
    REQUIRE(bench.run("chmod u+w " + bench.blob + "; printf 'SOME BYTES' >" + bench.blob).exit_code == 0);
    for (const std::string partial : {"verify --quick", "verify --sample 0.000001"}) {
        const auto said = bench.done(partial);
        CHECK(contains(said, "nothing that was looked at is lost, wrong or altered; the bytes of 1 payload were not looked at"));
    }
}

TEST_CASE("a sample may be written with its percent sign, and options of verify that don't go together are wrong usage") {
    const OneArtifact bench;
    CHECK(bench.custody("verify --sample 50%").exit_code == 0);
    CHECK(bench.custody("verify --sample 100.0% --threads 3").exit_code == 0);
    for (const std::string options :
         {"--sample 0%", "--sample 101%", "--sample %", "--sample 5%%", "--threads 0", "--resume --quick", "--resume --sample 5",
          "--repair --quick", "--repair --resume", "--from x", "--dry-run", "--yes", "--repair"}) {
        INFO(options);
        CHECK(bench.custody("verify " + options).exit_code == 2);
    }
    CHECK(contains(bench.done("verify --resume"), "nothing_to_resume"));
}

TEST_CASE("verify --repair heals from a folder, says what it would do first, and answers 20 where something is left") {
    const OneArtifact bench;
    REQUIRE(bench.run("rm -f " + bench.blob + "; mkdir -p backup/deep; cp a backup/deep/copy").exit_code == 0);
    CHECK(bench.custody("verify --repair --yes").exit_code == 20);
    const auto dry = bench.custody("verify --repair --from backup --dry-run");
    CHECK(dry.exit_code == 20);
    CHECK(contains(dry.out, "would repair: payload: "));
    CHECK(bench.run("test -e " + bench.blob).exit_code != 0);
    const auto report = bench.json_of("verify --repair --from backup --yes");
    CHECK(report["ok"] == true);
    CHECK(report["repairs"].size() == 1);
    CHECK(report["before"]["ok"] == false);
    CHECK(report["after"]["findings"].empty());
    CHECK(bench.custody("verify").exit_code == 0);
    REQUIRE(bench.run("sqlite3 store/storage/catalog.db 'DROP VIEW review_errors; CREATE TABLE extra (x)'").exit_code == 0);
    CHECK(bench.custody("list").exit_code == 20);
    CHECK(contains(bench.done("verify --repair --yes"), "repaired: schema: missing view review_errors"));
    CHECK(bench.custody("list").exit_code == 0);
    CHECK(bench.run("sqlite3 store/storage/catalog.db \"DELETE FROM audit_entries\"").exit_code != 0);
}

TEST_CASE("what is lost or altered makes verify exit with 20 and name it") {
    const OneArtifact bench;
    REQUIRE(bench.run("chmod u+w " + bench.blob + "; printf 'SOME BYTES' >" + bench.blob).exit_code == 0);
    const auto altered = bench.custody("verify");
    CHECK(altered.exit_code == 20);
    CHECK(contains(altered.out, "error: payload_altered"));
    REQUIRE(bench.run("rm -f " + bench.blob).exit_code == 0);
    const auto lost = bench.custody("verify --quick --json");
    CHECK(lost.exit_code == 20);
    CHECK(contains(lost.out, "payload_missing"));
}

TEST_CASE("what a crash may leave is a note, and verify exits with 0") {
    const OneArtifact bench;
    REQUIRE(bench.run("mkdir -p store/storage/blobs/ab; touch store/storage/blobs/ab/$(printf 'ab%062d' 0)").exit_code == 0);
    const auto ran = bench.custody("verify");
    INFO(ran.out << ran.err);
    CHECK(ran.exit_code == 0);
    CHECK(contains(ran.out, "note: orphan_payload"));
}

TEST_CASE("a store whose schema was altered is refused with 20, but verify and doctor look at it") {
    const OneArtifact bench;
    REQUIRE(bench.run("sqlite3 store/storage/catalog.db 'DROP VIEW review_errors'").exit_code == 0);
    CHECK(bench.custody("list").exit_code == 20);
    const auto verified = bench.custody("verify");
    CHECK(verified.exit_code == 20);
    CHECK(contains(verified.out, "schema_altered"));
    CHECK(contains(verified.err, "was not recorded in the audit trail: the store is altered, damaged or can't be written"));
    const auto seen = bench.custody("doctor");
    CHECK(seen.exit_code == 20);
    CHECK(contains(seen.out, "error: "));
}

TEST_CASE("a damaged database is 20, a foreign one 1, and nothing is written to either") {
    const OneArtifact bench;
    REQUIRE(bench.run("cp -r store damaged; rm -f damaged/storage/catalog.db-*; truncate -s 5000 damaged/storage/catalog.db")
                .exit_code == 0);
    CHECK(bench.custody("list --store damaged").exit_code == 20);
    REQUIRE(bench
                .run("mkdir -p foreign/storage; sqlite3 foreign/storage/catalog.db 'CREATE TABLE t(a)'; "
                     "sha256sum foreign/storage/catalog.db >sum")
                .exit_code == 0);
    const auto ran = bench.custody("list --store foreign");
    CHECK(ran.exit_code == 1);
    CHECK(contains(ran.err, "catalog.db"));
    CHECK(bench.run("sha256sum -c sum").exit_code == 0);
}

TEST_CASE("verify --repair says what it couldn't put right, and answers 3 where nothing is lost by that") {
    const OneArtifact bench;
    REQUIRE(bench.run("f=$(custody file " + bench.id + ") && rm -f $f && mkdir $f").exit_code == 0);
    const auto ran = bench.custody("verify --repair --yes");
    CHECK(ran.exit_code == 3);
    CHECK(contains(ran.out, "not repaired: link: "));
    CHECK(contains(ran.out, "Is a directory"));
}

TEST_CASE("doctor tells of machine and store") {
    const OneArtifact bench;
    const auto checks = bench.json_of("doctor");
    REQUIRE(checks.is_array());
    CHECK(checks.size() >= 3);
    for (const auto& check : checks) CHECK(check.contains("name"));
    CHECK(contains(bench.done("doctor"), "ok: "));
}

TEST_CASE("verify and doctor keep their exit code where nobody reads what they print") {
    const Bench bench;
    const auto unread = [&](const std::string& verb) {
        return bench.run("rm -f pipe; mkfifo pipe; (custody " + verb +
                         "; echo $? >code) >pipe & : <pipe; wait; exit $(cat code)");
    };
    for (const std::string verb : {"verify", "verify --json", "doctor", "doctor --json"}) {
        INFO(verb);
        CHECK(unread(verb).exit_code == 0);
    }
    REQUIRE(bench.run("sqlite3 store/storage/catalog.db 'DROP VIEW review_errors'").exit_code == 0);
    for (const std::string verb : {"verify", "verify --json", "doctor", "doctor --json"}) {
        INFO(verb);
        CHECK(unread(verb).exit_code == 20);
    }
}

TEST_CASE("a file that would grow past the shell's limit is an error, with its entry, and no signal") {
    const Bench bench;
    REQUIRE(bench.run("head -c 3000000 /dev/zero >large").exit_code == 0);
    const auto ran = bench.run("ulimit -f 2000; custody add --type log large");  // of 512 or 1024 bytes
    CHECK(ran.exit_code == 1);
    CHECK(contains(ran.err, "File too large"));
    const auto entry = bench.json_of("audit query --operation artifact_storage").at(0);
    CHECK(entry["outcome"] == "failed");
    CHECK(contains(entry["error_message"].get<std::string>(), "File too large"));
    CHECK(bench.custody("verify").exit_code == 0);
}
