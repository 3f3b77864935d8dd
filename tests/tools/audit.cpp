// audit query, errors, export.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "tools/command.hpp"

using namespace custody::testing;
using custody::ordered_json;

namespace {

const char* const original_keys[] = {"entry_id", "timestamp", "operation", "artifact_id", "user",
                                     "module",   "action",    "details",   "success",     "error_message"};

/// One artifact of two actors, a failure and a status.
struct Busy : Bench {
    Busy() {
        id = done("add --type log --module parser --actor one");
        (void)custody("add --type log --module parser --actor two missing.txt");
        done("status " + id + " failed --error 'no codec' --actor two");
    }
    std::string id;
};

}  // namespace

TEST_CASE("audit query answers entries with the original's ten keys in order, oldest first") {
    const Busy bench;
    const auto entries = bench.json_of("audit query --limit 0");
    REQUIRE(entries.size() >= 4);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        auto member = entries[i].begin();
        for (const char* key : original_keys) CHECK((member++).key() == key);
        CHECK(entries[i]["seq"] == i + 1);
    }
}

TEST_CASE("every filter of audit query narrows it") {
    const Busy bench;
    const auto count = [&](const std::string& filters) { return bench.json_of("audit query --limit 0 " + filters).size(); };
    CHECK(count("--operation artifact_creation") == 1);
    CHECK(count("--action update_status") == 1);
    CHECK(count("--operation artifact_creation --action update_status") == 0);
    CHECK(count("--artifact " + bench.id) == 2);
    CHECK(count("--user one") == 1);
    CHECK(count("--user two") == 2);
    CHECK(count("--module parser --action create") == 1);
    CHECK(count("--outcome failed --action store") == 1);
    CHECK(count("--success false --action update_status") == 1);
    CHECK(count("--success true --action update_status") == 0);
    CHECK(count("--since 2020-01 --action create") == 1);
    CHECK(count("--until 2020-06") == 0);
    const auto run = bench.done("run start");
    bench.done("add --type log --run " + run);
    CHECK(count("--run " + run + " --action create") == 1);
}

TEST_CASE("the limit answers the newest entries and says that there are more") {
    const Busy bench;
    const auto all = bench.json_of("audit query --limit 0");
    const auto cut = bench.custody("audit query --limit 2 --json --until 2100-01");
    const auto two = ordered_json::parse(cut.out);
    REQUIRE(two.size() == 2);
    CHECK(two[0]["seq"] < two[1]["seq"]);
    CHECK(two[1]["seq"] >= all.back()["seq"]);
    CHECK(contains(cut.err, "--limit"));
    CHECK(bench.json_of("audit query --operation audit_access --limit 1").at(0)["details"]["result_count"] == 2);  // as shown
    const auto whole = bench.custody("audit query --json --action create --limit 1");
    CHECK(ordered_json::parse(whole.out).size() == 1);
    CHECK(whole.err.empty());
    const auto table = lines_of(bench.done("audit query --action create"));
    REQUIRE(table.size() == 2);
    CHECK(contains(table[1], "one   artifact_creation/create  done     " + bench.id));
}

TEST_CASE("audit errors sums up what went wrong") {
    const Busy bench;
    const auto summary = bench.json_of("audit errors");
    CHECK(summary["total_errors"] == 1);
    CHECK(summary["errors_by_operation"]["artifact_storage"] == 1);
    CHECK(summary["unique_error_messages"].size() == 1);
    CHECK(bench.json_of("audit errors --module other")["total_errors"] == 0);
    const auto shown = bench.done("audit errors --user two");
    CHECK(contains(shown, "in artifact_storage"));
    CHECK(contains(shown, "missing.txt"));
}

TEST_CASE("months are exported as files of one line an entry") {
    const Busy bench;
    const auto paths = lines_of(bench.done("audit export"));
    REQUIRE(paths.size() == 1);
    CHECK(contains(paths[0], "/store/audit/audit_"));
    const auto lines = lines_of(slurp(paths[0]));
    CHECK(lines.size() >= 4);
    for (const auto& line : lines) CHECK(ordered_json::parse(line).contains("entry_id"));
    std::filesystem::create_directory(bench.files / "out");
    const auto month = std::filesystem::path(paths[0]).filename().string().substr(6, 6);
    const auto dashed = month.substr(0, 4) + "-" + month.substr(4);
    CHECK(bench.json_of("audit export --month " + dashed + " --to 2 --out out").size() == 1);
    CHECK(lines_of(slurp(bench.files / "out" / ("audit_" + month + ".jsonl"))).size() == 2);
    for (const std::string wrong : {"2026-13", "2026-00", "october", "2026-10..2026-13"}) {
        const auto ran = bench.custody("audit export --month " + wrong);
        CHECK(ran.exit_code == 1);
        CHECK(contains(ran.err, "a month is written YYYY-MM"));
    }
}

TEST_CASE("chosen entries are exported as JSON, CSV and JSON Lines") {
    const Busy bench;
    const auto path = bench.done("audit export --format json --out trail.json --action create");
    CHECK(contains(path, "trail.json"));
    const auto entries = ordered_json::parse(slurp(bench.files / "trail.json"));
    REQUIRE(entries.size() == 1);
    CHECK(entries[0]["artifact_id"] == bench.id);
    bench.done("audit export --format csv --out trail.csv --user two");
    CHECK(contains(slurp(bench.files / "trail.csv"), "entry_id,timestamp,operation"));
    bench.done("audit export --format jsonl --out trail.jsonl --since 2020-01");
    CHECK(lines_of(slurp(bench.files / "trail.jsonl")).size() >= 4);
    CHECK(bench.json_of("audit export --format csv --out empty.csv --user nobody").contains("output_path"));
    CHECK(lines_of(slurp(bench.files / "empty.csv")).size() == 1);
    const auto again = bench.custody("audit export --format csv --out empty.csv");
    CHECK(again.exit_code == 1);
    CHECK(contains(again.err, "empty.csv is there already"));
    CHECK(bench.custody("audit export --format csv --out store/storage/catalog.db").exit_code == 1);
    CHECK(bench.custody("verify").exit_code == 0);
}

TEST_CASE("reading leaves entries too") {
    const Busy bench;
    for (const char* verb : {"list", "stats", "audit query", "audit errors", "sql 'SELECT 1'"}) bench.done(verb);
    bench.done("lineage " + bench.id);
    bench.done("history " + bench.id);
    const auto operations = bench.operations();
    for (const std::string expected : {"artifact_access/list", "artifact_access/statistics", "audit_access/query", "sql/query",
                                       "artifact_access/lineage", "artifact_access/history"}) {
        INFO(expected);
        CHECK(std::find(operations.begin(), operations.end(), expected) != operations.end());
    }
}

TEST_CASE("an empty value, where none would mean all of it or that nothing is checked, is wrong usage") {
    const OneArtifact bench;
    const std::string wrong[] = {"audit query --operation ''",
                                 "audit query --action ''",
                                 "audit query --user ''",
                                 "audit errors --user ''",
                                 "audit export --month ''",
                                 "audit export --all --out ''",
                                 "audit export --all --signing-key ''",
                                 "audit verify ''",
                                 "audit verify --since-anchor ''",
                                 "audit seal --anchor ''",
                                 "audit redact 2 --pointer '' --reason why --yes",
                                 "history " + bench.id + " --prove ''",
                                 "snapshot --out ''"};
    const auto entries = bench.json_of("audit query --limit 0").size();
    for (const auto& arguments : wrong) {
        const auto ran = bench.custody(arguments);
        INFO("custody " << arguments << "\n" << ran.out << ran.err);
        CHECK(ran.exit_code == 2);
        CHECK(ran.out.empty());
        CHECK(contains(ran.err, "empty"));
    }
    CHECK(bench.json_of("audit query --limit 0").size() == entries + 1);  // the query above
    CHECK(std::filesystem::is_empty(bench.files / "store/audit"));
}
