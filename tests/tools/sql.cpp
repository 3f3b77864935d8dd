// custody sql.
#include <doctest/doctest.h>

#include "tools/command.hpp"

using namespace custody::testing;
using custody::ordered_json;

TEST_CASE("a query is answered as a table, CSV, JSON and JSON Lines") {
    const Bench bench;
    const std::string query = "sql \"SELECT 1 AS n, 'a,b' AS text, NULL AS none, '=1+1' AS formula\"";
    CHECK(bench.done(query) == "n  text  none  formula\n1  a,b   NULL  =1+1");
    CHECK(bench.custody(query + " --format csv").out == "n,text,none,formula\r\n1,\"a,b\",,'=1+1\r\n");
    const ordered_json row = {{"n", 1}, {"text", "a,b"}, {"none", nullptr}, {"formula", "=1+1"}};
    CHECK(ordered_json::parse(bench.done(query + " --format json")) == ordered_json::array({row}));
    CHECK(bench.json_of(query) == ordered_json::array({row}));
    CHECK(ordered_json::parse(bench.done(query + " --format jsonl")) == row);
    CHECK(bench.custody("sql 'SELECT 1 AS a WHERE 0' --format json").out == "[]\n");
    CHECK(bench.custody("sql 'SELECT 1 AS a WHERE 0' --format csv").out == "a\r\n");
    CHECK(bench.done("sql 'SELECT 1 AS a WHERE 0'") == "a");
}

TEST_CASE("columns of one name stay apart in JSON") {
    const Bench bench;
    const auto row = bench.json_of("sql 'SELECT 1 AS a, 2 AS a, 3 AS a_2'").at(0);
    CHECK(row.size() == 3);
    CHECK(row["a"] == 1);
    CHECK(row["a_2"] == 3);
}

TEST_CASE("the query may come from stdin") {
    const Bench bench;
    CHECK(bench.run("echo 'SELECT 7 AS seven' | custody sql - --format csv").out == "seven\r\n7\r\n");
}

TEST_CASE("reviewers' views answer, and their words are the same as JSON's") {
    const Bench bench;
    const auto id = bench.done("add --type log");
    CHECK(bench.json_of("sql 'SELECT artifact_id, status FROM review_artifacts'").at(0)["artifact_id"] == id);
}

TEST_CASE("only one read-only statement is answered, within its time") {
    const Bench bench;
    for (const char* query :
         {"DELETE FROM artifacts", "PRAGMA journal_mode=DELETE", "ATTACH 'x.db' AS x", "SELECT 1; SELECT 2", "", "SELEC",
          "SELECT * FROM nothing_such", "DROP TABLE artifacts", "SELECT load_extension('x')", "VACUUM INTO 'x.db'"}) {
        const auto ran = bench.custody("sql \"" + std::string(query) + "\"");
        INFO(query << "\n" << ran.out << ran.err);
        CHECK(ran.exit_code == 1);
        CHECK(ran.out.empty());
    }
    CHECK_FALSE(std::filesystem::exists(bench.files / "x.db"));
    const auto slow = bench.custody(
        "sql --time-limit 0.2 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'");
    CHECK(slow.exit_code == 1);
    CHECK(contains(slow.err, "time"));
}

TEST_CASE("an answer is cut at so many rows, and says so") {
    const Bench bench;
    const auto rows = [&](const std::string& options) {
        return bench.custody("sql --format csv " + options +
                             " 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000003) SELECT i FROM n'");
    };
    const auto cut = rows("--max-rows 2");
    CHECK(cut.exit_code == 0);
    CHECK(lines_of(cut.out).size() == 3);
    CHECK(contains(cut.err, "cut at 2 rows"));
    const auto usual = rows("");
    CHECK(lines_of(usual.out).size() == 1000001);
    CHECK(contains(usual.err, "cut at 1000000 rows"));
    const auto all = rows("--max-rows 0");
    CHECK(lines_of(all.out).size() == 1000004);
    CHECK(all.err.empty());
    CHECK(bench.custody("sql --max-rows -1 'SELECT 1'").exit_code == 2);
}
