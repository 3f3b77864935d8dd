// import original and export original.
#include <doctest/doctest.h>

#include <filesystem>

#include "support/original_tree.hpp"
#include "tools/command.hpp"

using namespace custody::testing;
namespace fs = std::filesystem;

TEST_CASE("an original store is looked through, brought over into a new store, and is there once") {
    const Bench bench(false);
    OriginalTree tree(bench.files / "tree");
    const auto raw = tree.add("video_raw", "raw bytes");
    const auto deid = tree.add("video_deid", "deid bytes", {.sources = {raw}, .status = "pending"});

    const auto dry = bench.json_of("import original tree --timezone America/New_York --dry-run");
    CHECK(dry["dry_run"] == true);
    CHECK(dry["artifacts"] == 2);
    CHECK_FALSE(fs::exists(bench.files / "store"));

    const auto report = bench.json_of("import original tree --timezone America/New_York");
    CHECK(report["artifacts"] == 2);
    CHECK(report["payloads"] == 2);
    CHECK(report["payload_bytes"] == 19);
    CHECK(report["links"] == 1);
    CHECK(report["audit_entries"] == 2);
    CHECK(report["timezone"] == "America/New_York");
    CHECK(report["mended_count"] == 1);
    CHECK(report["left_out_count"] == 0);
    CHECK(report["remarks"][0]["kind"] == "mended");
    CHECK(report["remarks"][0]["path"] == "storage/metadata/" + deid + ".json");
    CHECK(report["remarks"][0]["line"].is_null());
    CHECK(report["remarks"] == dry["remarks"]);
    CHECK(bench.done("cat " + deid) == "deid bytes");
    CHECK(bench.json_of("show " + raw)["created_at"] == "2024-01-15T13:00:00.000000+00:00");
    CHECK(bench.done("history " + deid).size() > 0);
    CHECK(bench.custody("verify").exit_code == 0);
    CHECK(bench.custody("audit verify").exit_code == 0);

    const auto again = bench.done("import original tree --timezone America/New_York");
    CHECK(contains(again, "0, and 2 that were there already"));
    CHECK(bench.operations().back() == "audit_trail/import");
}

TEST_CASE("what is left out is named line by line, and exits with 3") {
    const Bench bench;
    OriginalTree tree(bench.files / "tree");
    const auto gone = tree.add("log", "gone");
    fs::remove(tree.payload(gone));
    tree.append("{\"entry_id\": \"half\n");
    const auto ran = bench.custody("import original tree --timezone UTC");
    CHECK(ran.exit_code == 3);
    CHECK(contains(ran.out, "left out: audit/audit_202401.jsonl:2: "));
    CHECK(contains(ran.out, "left out: storage/metadata/" + gone + ".json: " + gone + ": the payload: its file is missing"));
    CHECK(contains(ran.out, "what stays behind is named above"));
    const auto twice = bench.json_of("audit query --operation audit_trail --action import");
    CHECK(twice.size() == 2);  // the half line, and the import
}

TEST_CASE("a name in the tree can't steer the terminal") {
    const Bench bench;
    OriginalTree tree(bench.files / "tree");
    write_file(tree.root / "storage/metadata/\x1b[31mred.json", "{");
    const auto ran = bench.custody("import original tree --timezone UTC");
    CHECK(ran.exit_code == 3);
    CHECK(ran.out.find('\x1b') == std::string::npos);
    CHECK(contains(ran.out, "\\x1b[31mred.json"));
}

TEST_CASE("no such tree, no such zone, a store of custody's: 1, and nothing is made") {
    const Bench bench(false);
    CHECK(bench.custody("import original nowhere --dry-run").exit_code == 1);
    CHECK(bench.custody("import original . --dry-run").exit_code == 1);
    OriginalTree tree(bench.files / "tree");
    const auto ran = bench.custody("import original tree --timezone Mars/Olympus --dry-run");
    CHECK(ran.exit_code == 1);
    CHECK(contains(ran.err, "Mars/Olympus"));
    CHECK_FALSE(fs::exists(bench.files / "store"));
    const auto homeless = bench.run("TMPDIR=/nonexistent custody import original tree --timezone UTC --dry-run");
    CHECK(homeless.exit_code == 1);
    CHECK(contains(homeless.err, "there is no folder for temporary files (TMPDIR)"));
    const auto mistaken = bench.custody("import original store --timezone UTC");
    CHECK(mistaken.exit_code == 1);
}

TEST_CASE("a store is written as an original one, and brought over from there it is the same") {
    const Bench bench;
    bench.files.file("raw.mp4", "raw bytes");
    bench.files.file("deid.mp4", "deid bytes");
    const auto raw = bench.done("add --type video_raw raw.mp4 --metadata '{\"fps\": 30}'");
    const auto deid = bench.done("add --type video_deid deid.mp4 --source " + raw);
    const auto report = bench.json_of("export original tree --timezone UTC");
    CHECK(report["artifacts"] == 2);
    CHECK(report["payloads"] == 2);
    CHECK(report["audit_entries"] == 2);
    CHECK(report["remarks"].empty());
    CHECK(slurp(bench.files / ("tree/storage/artifacts/video_deid/" + deid + "_deid.mp4")) == "deid bytes");
    CHECK(bench.custody("export original tree --timezone UTC").exit_code == 1);  // never into what is there
    bench.done("type add gait --sensitivity neutral");
    bench.done("add --type gait raw.mp4");
    CHECK(bench.custody("export original partial").exit_code == 3);

    CHECK(bench.json_of("import original tree --timezone UTC --store again")["artifacts"] == 2);
    for (const auto& id : {raw, deid}) {
        auto here = bench.json_of("show " + id);
        auto there = bench.json_of("show " + id + " --store again");
        for (auto* each : {&here, &there}) each->erase("file_path");
        CHECK(here == there);
    }
    CHECK(bench.custody("verify --store again").exit_code == 0);
}

TEST_CASE("an import that is killed goes on when it is run again, and all is there once") {
    const Bench bench;
    OriginalTree tree(bench.files / "tree");
    for (int i = 0; i < 1500; ++i) (void)tree.add("log", "content " + std::to_string(i), {.name = "x.log"});
    const auto count = [&] { return bench.json_of("stats")["artifacts"]["total"].get<int>(); };
    int kills = 0;
    for (const char* after : {"0.05", "0.1", "0.15", "0.2", "0.25", "0.3"}) {
        const auto ran = bench.run(std::string("timeout -s KILL ") + after + " custody import original tree --timezone UTC");
        if (ran.exit_code != 0) ++kills;
        CHECK(bench.json_of("verify")["ok"] == true);
    }
    CHECK(kills > 0);
    const auto before = count();
    const auto report = bench.json_of("import original tree --timezone UTC");
    CHECK(report["artifacts"].get<int>() == 1500 - before);
    CHECK(count() == 1500);
    CHECK(report["audit_entries"].get<int>() + report["audit_entries_there"].get<int>() == 1500);
    CHECK(bench.done(
              "sql \"SELECT count(*), count(DISTINCT entry_id) FROM review_audit WHERE details ->> 'imported_from' IS NOT NULL\" "
              "--format csv") == "count(*),count(DISTINCT entry_id)\r\n1500,1500\r");
    const auto verified = bench.json_of("verify");
    CHECK(verified["ok"] == true);
    const auto again = bench.json_of("import original tree --timezone UTC");
    CHECK(again["artifacts"] == 0);
    CHECK(again["audit_entries"] == 0);
}

TEST_CASE("an import that is interrupted ends in good order and says that it can go on") {
    const Bench bench;
    OriginalTree tree(bench.files / "tree");
    const auto id = tree.add("log", "small");
    const auto large = tree.add("log", "large", {.name = "large.log"});
    REQUIRE(bench.run("truncate -s 8G " + tree.payload(large).string()).exit_code == 0);
    const auto ran =
        bench.run("exec timeout --foreground --preserve-status -k 60 -s INT 0.7 custody import original tree --timezone UTC");
    INFO(ran.err);
    CHECK(ran.exit_code == 130);
    CHECK(contains(ran.err, "the same command goes on"));
    const auto last = bench.json_of("audit query --limit 1").at(0);
    CHECK(last["operation"] == "audit_trail");
    CHECK(last["action"] == "import");
    CHECK(last["outcome"] == "failed");
    CHECK(bench.json_of("verify")["ok"] == true);
}
