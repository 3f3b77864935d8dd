// stats, cleanup, hold, init, migrate, snapshot.
#include <doctest/doctest.h>

#include "tools/command.hpp"

using namespace custody::testing;
using custody::ordered_json;

TEST_CASE("init makes a store once, and a second time does nothing") {
    const Bench bench(false);
    const auto made = bench.json_of("init");
    CHECK(made["created"] == true);
    CHECK(std::filesystem::exists(bench.files / "store/storage/catalog.db"));
    CHECK(bench.json_of("init")["created"] == false);
    CHECK(contains(bench.custody("init").err, "already"));
    CHECK(bench.custody("init --quiet").err.empty());
}

TEST_CASE("init opens a store to its group, keeps payloads elsewhere, and drops the guard where it is told to") {
    const Bench bench(false);
    CHECK(bench.custody("init --payloads ''").exit_code == 2);
    bench.done("init --group --payloads elsewhere --no-phi-guard");
    bench.files.file("a", "a");
    bench.done("add --type log a --metadata '{\"patient_name\": \"Jo Doe\"}'");
    CHECK(contains(bench.run("stat -c %a store/storage store/storage/catalog.db").out, "2770\n660\n"));
    CHECK(contains(bench.run("find elsewhere -type f -printf '%m '").out, "440"));
    CHECK(bench.run("find store/storage/blobs -type f 2>/dev/null").out.empty());
    for (const std::string option : {"--group", "--no-phi-guard", "--json --group"}) {
        const auto again = bench.custody("init " + option);
        CHECK(again.exit_code == 0);
        CHECK(contains(again.err, "they were not applied to the one that is there"));
    }
}

TEST_CASE("migrate on a store of this version does nothing, and says so") {
    const Bench bench;
    CHECK(bench.json_of("migrate")["migrations_applied"] == 0);
    CHECK(contains(bench.custody("migrate").err, "already"));
}

TEST_CASE("statistics count artifacts, payloads and runs") {
    const Bench bench;
    bench.files.file("a", "12345");
    bench.done("add --type video_raw a");
    bench.done("add --type audio_raw a");
    const auto statistics = bench.json_of("stats");
    CHECK(statistics["storage"]["total_size_bytes"] == 5);
    CHECK(statistics["storage"]["total_artifacts"] == 2);
    CHECK(statistics["artifacts"]["by_type"] == ordered_json({{"audio_raw", 1}, {"video_raw", 1}}));
    const auto shown = bench.done("stats");
    CHECK(contains(shown, "artifacts"));
    CHECK(contains(shown, "5 B (5 bytes)"));
}

TEST_CASE("cleanup removes nothing on a dry run, asks for --yes off a terminal, and keeps what is on hold") {
    const Bench bench;
    bench.files.file("a", "aa");
    bench.files.file("b", "b");
    const auto a = bench.done("add --type log a");
    const auto b = bench.done("add --type video_raw b");
    CHECK(bench.json_of("hold add " + b + " --reason 'case 17'")["reason"] == "case 17");
    const auto refused = bench.run("custody cleanup --older-than 0 </dev/null");
    CHECK(refused.exit_code == 2);
    CHECK(contains(refused.err, "--yes"));
    const auto dry = bench.json_of("cleanup --older-than 0 --dry-run");
    CHECK(dry["dry_run"] == true);
    CHECK(dry["removed"] == ordered_json::array({a}));
    CHECK(contains(bench.done("file " + a), a));
    CHECK(bench.json_of("cleanup --older-than 0 --type video_raw --yes")["removed"].empty());
    CHECK(bench.json_of("cleanup --older-than 0 --status failed --yes")["removed"].empty());
    CHECK(bench.json_of("cleanup --older-than 1 --yes")["removed"].empty());
    const auto removed = bench.custody("cleanup --older-than 0 --yes");
    CHECK(contains(removed.err, "the payloads of 1 artifact: 1 file, 2 B; 1 kept"));
    const auto& report = removed.out;
    CHECK(contains(report, a + "  removed"));
    CHECK(contains(report, b + "  kept: "));
    CHECK(bench.custody("file " + a).exit_code == 1);
    CHECK(contains(bench.done("list"), "removed"));
    CHECK(bench.done("cat " + b) == "b");
}

TEST_CASE("gc applies the policies that were set, names what goes and what stays, and frees it after its grace") {
    const Bench bench;
    bench.files.file("a", "aa");
    bench.files.file("b", "b");
    const auto a = bench.done("add --type log a");
    const auto b = bench.done("add --type log b");
    bench.done("hold add " + b + " --reason 'case 17'");
    CHECK(bench.json_of("retention set log --days 0 --reason 'SOP 12' --actor keeper")["reason"] == "SOP 12");
    CHECK(bench.json_of("retention set video_raw --days 9 --when-descendants-completed")["when_descendants_completed"] == true);
    CHECK(bench.json_of("retention list").size() == 2);
    const auto table = bench.done("retention list");
    CHECK(contains(table, "keeper"));
    CHECK(contains(table, "9 days, and until every descendant is completed or archived"));
    CHECK(bench.custody("retention set nothing_such --days 1").exit_code == 1);
    const auto refused = bench.run("custody gc </dev/null");
    CHECK(refused.exit_code == 2);
    CHECK(contains(refused.err, "--yes"));
    const auto dry = bench.custody("gc --dry-run");
    CHECK(contains(dry.out, a + "  would be removed: log is kept for 0 days"));
    CHECK(contains(dry.out, b + "  kept: on hold"));
    CHECK(contains(bench.done("file " + a), a));
    const auto report = bench.json_of("gc --yes --reason night");
    CHECK(report["removed"][0]["artifact_id"] == a);
    CHECK(report["kept"][0]["reason"] == "on hold");
    CHECK(report["freed"].empty());
    CHECK(contains(bench.done("gc --yes"), "  left: its grace period has "));
    const auto freed = bench.custody("gc --grace 0 --yes");
    CHECK(contains(freed.out, "  freed: its grace period is over (2 B)"));
    CHECK(contains(freed.err, "1 file (2 B) freed"));
    CHECK(bench.custody("file " + a).exit_code == 1);
    CHECK(bench.done("cat " + b) == "b");
    CHECK(contains(bench.done("sql 'SELECT reason FROM review_removals' --format csv"), "night"));
    CHECK(bench.json_of("retention remove log")["removed"] == true);
    CHECK(bench.custody("retention remove log").exit_code == 4);
}

TEST_CASE("a dry run of gc leaves what dead processes left, and gc frees it") {
    const Bench bench;
    (void)bench.run("mkdir store/storage/temp/999999-0123456789abcdef; echo x >store/storage/temp/999999-0123456789abcdef/x");
    const auto dry = bench.custody("gc --dry-run");
    CHECK(contains(dry.out, "would be freed: its process is gone"));
    CHECK(std::filesystem::exists(bench.files / "store/storage/temp/999999-0123456789abcdef/x"));
    CHECK(contains(bench.done("gc --yes"), "  freed: its process is gone"));
    CHECK_FALSE(std::filesystem::exists(bench.files / "store/storage/temp/999999-0123456789abcdef"));
}

TEST_CASE("holds are listed and lifted") {
    const Bench bench;
    const auto id = bench.done("add --type log");
    CHECK(bench.custody("hold add " + id + " --reason ''").exit_code == 1);
    bench.done("hold add " + id + " --reason one --actor keeper");
    CHECK(bench.json_of("hold list")[0]["artifact_id"] == id);
    const auto table = bench.done("hold list");
    CHECK(contains(table, "keeper"));
    CHECK(contains(table, "one"));
    CHECK(bench.json_of("hold remove " + id + " --reason done")["holds_removed"] == 1);
    CHECK(bench.json_of("hold list").empty());
    CHECK(bench.custody("hold remove " + id).exit_code == 4);
}

TEST_CASE("of several holds one is lifted by its number, and a blank reason is none") {
    const Bench bench;
    const auto id = bench.done("add --type log");
    const auto first = bench.json_of("hold add " + id + " --reason litigation")["hold_id"].dump();
    const auto second = bench.json_of("hold add " + id + " --reason audit")["hold_id"].dump();
    CHECK(contains(bench.done("hold list"), "  " + second + "  "));
    CHECK(bench.custody("hold add " + id + " --reason ' \t'").exit_code == 1);
    CHECK(bench.custody("hold remove " + id + " --reason ' '").exit_code == 1);
    CHECK(bench.custody("hold remove " + id + " --hold x").exit_code == 2);
    CHECK(bench.custody("hold remove " + id + " --hold 99").exit_code == 4);
    CHECK(bench.json_of("hold remove " + id + " --hold " + first)["holds_removed"] == 1);
    CHECK(bench.custody("hold remove " + id + " --hold " + first).exit_code == 4);
    const auto left = bench.json_of("hold list");
    REQUIRE(left.size() == 1);
    CHECK(left[0]["reason"] == "audit");
    CHECK(bench.json_of("audit query --action remove --outcome done")[0]["details"]["hold_ids"].dump() == "[" + first + "]");
    CHECK(bench.custody("verify").exit_code == 0);
}

TEST_CASE("a snapshot is one database that sqlite3 opens, with or without free text") {
    const Bench bench;
    bench.done("add --type log --metadata '{\"free\": \"text\"}'");
    CHECK(contains(bench.done("snapshot --out with.db"), "with.db"));
    CHECK(bench.json_of("snapshot --out without.db --no-text").contains("output_path"));
    CHECK(bench.run("sqlite3 with.db 'SELECT count(*) FROM review_artifacts'").out == "1\n");
    CHECK(contains(slurp(bench.files / "with.db"), "\"free\": \"text\""));
    CHECK_FALSE(contains(slurp(bench.files / "without.db"), "\"free\": \"text\""));
    CHECK(bench.custody("snapshot --out with.db").exit_code == 1);
}
