// run start, end, list, show.
#include <doctest/doctest.h>

#include <custody/ids.hpp>

#include "tools/command.hpp"

using namespace custody::testing;
using custody::ordered_json;

TEST_CASE("a run is shared by several commands and knows its inputs, outputs and errors") {
    const Bench bench;
    bench.files.file("raw", "raw");
    const auto raw = bench.done("add --type video_raw raw");
    const auto run = bench.done("run start --config '{\"pipeline\": \"video_deid\"}' --actor researcher_1 --purpose test");
    REQUIRE(custody::RunId::try_parse(run));
    const auto made = bench.done("add --type log --run " + run + " --source " + raw);
    CHECK(bench.custody("add --type log --run " + run + " missing").exit_code == 1);
    const auto open = bench.json_of("run show " + run);
    CHECK(open["run_id"] == run);
    CHECK(open["status"] == "in_progress");
    CHECK(open["configuration"]["pipeline"] == "video_deid");
    CHECK(open["user"] == "researcher_1");
    CHECK(open["purpose"] == "test");
    CHECK(open["input_artifacts"] == ordered_json::array({raw}));
    CHECK(open["output_artifacts"] == ordered_json::array({made}));
    CHECK(open["error_messages"].size() == 1);
    const auto ended = bench.custody("run end " + run);
    CHECK(ended.exit_code == 0);
    CHECK(ended.out.empty());
    CHECK(contains(ended.err, run));
    CHECK(bench.json_of("run show " + run)["status"] == "completed");
    CHECK(bench.json_of("list --run " + run).size() == 1);
    CHECK(bench.custody("run end " + run).exit_code == 1);
    CHECK(bench.custody("add --type log --run " + run).exit_code == 1);
    const auto shown = bench.done("run show " + run);
    CHECK(contains(shown, "output"));
    CHECK(contains(shown, made));
}

TEST_CASE("a run ends as failed with a message, and no other way") {
    const Bench bench;
    const auto run = bench.json_of("run start")["run_id"].get<std::string>();
    CHECK(bench.custody("run end " + run + " --status archived").exit_code == 1);
    const auto ended = bench.json_of("run end " + run + " --status failed --error 'no audio track'");
    CHECK(ended["status"] == "failed");
    CHECK(bench.json_of("run show " + run)["error_message"] == "no audio track");
}

TEST_CASE("runs are listed newest first, with filters") {
    const Bench bench;
    const auto one = bench.done("run start");
    const auto two = bench.done("run start");
    bench.done("run end " + one);
    const auto all = bench.json_of("run list");
    REQUIRE(all.size() == 2);
    CHECK(all[0]["run_id"] == two);
    CHECK(bench.json_of("run list --status completed").size() == 1);
    CHECK(bench.json_of("run list --until 2021-01").empty());
    const auto cut = bench.custody("run list --limit 1");
    CHECK(contains(cut.out, two));
    CHECK_FALSE(contains(cut.out, one));
    CHECK(contains(cut.err, "--limit"));
    CHECK(bench.custody("run list --limit 2").err.empty());
    CHECK(bench.custody("run list --limit 1 --status completed").err.empty());
}

TEST_CASE("a run that nobody ends is lost when its time has passed") {
    const Bench bench;
    const auto run = bench.done("run start --ttl 1");
    REQUIRE(bench.run("sleep 1.2").exit_code == 0);
    const auto shown = bench.json_of("run show " + run);
    CHECK(shown["status"] == "failed");
    CHECK(shown["end_reason"] == "expired");
}

TEST_CASE("a configuration is kept as text, and one with protected health information is refused") {
    const Bench bench;
    const auto run = bench.done("run start --config '{\"rate\": 1.50}'");
    CHECK(contains(bench.done("run show " + run), "{\"rate\": 1.50}"));
    CHECK(bench.custody("run start --config '[1]'").exit_code == 1);
    CHECK(bench.custody("run start --config '{\"patient_name\": \"Jo Doe\"}'").exit_code == 1);
    CHECK(bench.custody("run start --config '{\"patient_name\": \"Jo Doe\"}' --allow-phi-metadata").exit_code == 0);
}
