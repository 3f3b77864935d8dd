// backup and restore.
#include <doctest/doctest.h>

#include "tools/command.hpp"

using namespace custody::testing;

TEST_CASE("a store is backed up and restored, and the restored one works") {
    const OneArtifact bench;
    const auto made = bench.json_of("backup kept");
    CHECK(made["ok"] == true);
    CHECK(made["payloads_copied"] == 1);
    CHECK(made["audited"] == true);
    CHECK(contains(bench.done("backup kept"), "complete; what was copied is verified"));
    const auto restored = bench.json_of("restore kept again --reason 'a test'");
    CHECK(restored["left_size"] == made["tree_size"].get<int>() + 1);
    CHECK(restored["left_epoch"] == made["epoch"]);
    CHECK(bench.done("cat " + bench.id + " --store again") == "some bytes");
    CHECK(bench.custody("verify --store again").exit_code == 0);
    CHECK(bench.custody("audit verify --store again").exit_code == 0);
    CHECK(bench.custody("restore kept again --reason 'a test'").exit_code == 1);
    const auto told = bench.done("restore kept third --reason 'a test'");
    CHECK(contains(told, "left at"));
}

TEST_CASE("what is damaged in the store is named, and exits with 20") {
    const OneArtifact bench;
    REQUIRE(bench.run("chmod u+w " + bench.blob + "; printf 'SOME BYTES' >" + bench.blob).exit_code == 0);
    const auto ran = bench.custody("backup kept");
    CHECK(ran.exit_code == 20);
    CHECK(contains(ran.out, "error: payload_altered"));
    CHECK(contains(ran.err, "was not recorded in the audit trail"));
    CHECK(bench.custody("restore kept new --reason r").exit_code == 20);
    const auto accepted = bench.custody("restore kept new --reason r --accept-missing");
    CHECK(accepted.exit_code == 3);
    CHECK(contains(accepted.out, "payload_missing"));
}

TEST_CASE("a store whose schema was altered is backed up beside the good one, and not restored") {
    const OneArtifact bench;
    bench.done("backup kept");
    REQUIRE(bench.run("sqlite3 store/storage/catalog.db 'DROP VIEW review_errors'").exit_code == 0);
    const auto ran = bench.custody("backup kept");
    CHECK(ran.exit_code == 20);
    CHECK(contains(ran.out, "schema_altered"));
    CHECK(contains(ran.out, "the backup before this one stays"));
    CHECK(bench.custody("restore kept/catalog-damaged.db new --reason r").exit_code == 20);
    CHECK(bench.custody("restore kept new --reason r").exit_code == 0);
}

TEST_CASE("a store that can't be written is backed up without an entry") {
    const OneArtifact bench;
    if (bench.run("test $(id -u) -eq 0").exit_code == 0) return;  // root writes where nobody may
    REQUIRE(bench.run("chmod -R a-w store").exit_code == 0);
    const auto ran = bench.custody("backup kept");
    CHECK(bench.run("chmod -R u+w store").exit_code == 0);
    INFO(ran.out << ran.err);
    CHECK(ran.exit_code == 0);
    CHECK(contains(ran.err, "was not recorded"));
}
