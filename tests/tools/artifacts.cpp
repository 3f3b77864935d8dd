// add, show, list, status, history, type.
#include <doctest/doctest.h>

#include <custody/ids.hpp>

#include "tools/command.hpp"

using namespace custody::testing;
using custody::ordered_json;

namespace {

const char* const original_fields[] = {
    "artifact_id",        "artifact_type", "status",    "created_at", "updated_at", "source_artifacts", "processing_module",
    "processing_version", "file_path",     "file_size", "checksum",   "metadata",   "error_message"};

}  // namespace

TEST_CASE("add prints an id, and JSON has the original's thirteen fields in their order") {
    const Bench bench;
    bench.files.file("interview.mp4", "video");
    const auto id = bench.done("add --type video_raw interview.mp4");
    CHECK(custody::ArtifactId::try_parse(id));
    const auto made = bench.json_of("add --type video_deid --source " + id +
                                    " --module video_deid.blur --module-version 2.0.0 --metadata '{\"faces_blurred\": 2}' "
                                    "--name blurred.mp4 interview.mp4 --allow-identified-release");
    auto member = made.begin();
    for (const char* field : original_fields) CHECK((member++).key() == field);
    CHECK(made["artifact_type"] == "video_deid");
    CHECK(made["status"] == "completed");
    CHECK(made["source_artifacts"] == ordered_json::array({id}));
    CHECK(made["processing_module"] == "video_deid.blur");
    CHECK(made["processing_version"] == "2.0.0");
    CHECK(made["file_size"] == 5);
    CHECK(made["checksum"] == "0cab1c9617404faf2b24e221e189ca5945813e14d3f766345b09ca13bbe28ffc");
    CHECK(made["metadata"]["faces_blurred"] == 2);
    CHECK(made["file_name"] == "blurred.mp4");
    CHECK(made["file_path"].get<std::string>().front() == '/');
    CHECK(made == bench.json_of("show " + made["artifact_id"].get<std::string>()));
}

TEST_CASE("several files are one batch, all or none, their ids in the files' order") {
    const Bench bench;
    bench.files.file("a.txt", "a");
    bench.files.file("b.txt", "b");
    const auto ids = lines_of(bench.done("add --type text_raw a.txt b.txt"));
    REQUIRE(ids.size() == 2);
    CHECK(bench.json_of("show " + ids[0])["file_name"] == "a.txt");
    CHECK(bench.json_of("show " + ids[1])["file_name"] == "b.txt");
    const auto failed = bench.custody("add --type text_raw a.txt missing.txt");
    CHECK(failed.exit_code == 1);
    CHECK(failed.out.empty());
    CHECK(contains(failed.err, "missing.txt"));
    CHECK(bench.json_of("list").size() == 2);
    CHECK(bench.json_of("add --type text_raw a.txt b.txt").is_array());
    CHECK(bench.json_of("add --type text_raw a.txt").is_object());
}

TEST_CASE("a repeated --source takes one value each time, so a file may follow") {
    const Bench bench;
    bench.files.file("out.csv", "1,2");
    const auto a = bench.done("add --type log");
    const auto b = bench.done("add --type log");
    const auto made = bench.json_of("add --type metadata --source " + a + " --source " + b + " out.csv");
    CHECK(made["source_artifacts"] == ordered_json::array({a, b}));
    CHECK(made["file_name"] == "out.csv");
}

TEST_CASE("an artifact of metadata alone keeps its JSON text and has no file") {
    const Bench bench;
    const auto made = bench.json_of("add --type audio_phi_intervals --metadata '{\"z\": 1.50, \"a\": [1e2]}'");
    CHECK(made["file_path"].is_null());
    CHECK(made["checksum"].is_null());
    CHECK(contains(bench.done("show " + made["artifact_id"].get<std::string>()), "{\"z\": 1.50, \"a\": [1e2]}"));
}

TEST_CASE("stdin becomes a payload") {
    const Bench bench;
    const auto ran = bench.run("printf 'from a pipe' | custody add --type log --name note.txt -");
    REQUIRE(ran.exit_code == 0);
    const auto id = lines_of(ran.out).at(0);
    CHECK(bench.done("cat " + id) == "from a pipe");
    CHECK(bench.json_of("show " + id)["file_name"] == "note.txt");
}

TEST_CASE("a request key makes a repeated add answer the first artifact, and other content a failure") {
    const Bench bench;
    bench.files.file("a", "a");
    bench.files.file("b", "b");
    const auto first = bench.done("add --type log --request-key job-1 a");
    CHECK(bench.done("add --type log --request-key job-1 a") == first);
    CHECK(bench.custody("add --type log --request-key job-1 b").exit_code == 1);
    CHECK(bench.json_of("list").size() == 1);
}

TEST_CASE("moving takes the file away, and reflinking leaves it") {
    const Bench bench;
    bench.files.file("moved", "m");
    bench.files.file("cloned", "c");
    bench.done("add --type log --move moved");
    bench.done("add --type log --reflink cloned");
    CHECK_FALSE(std::filesystem::exists(bench.files / "moved"));
    CHECK(slurp(bench.files / "cloned") == "c");
}

TEST_CASE("refused values exit with 1 and name the rule, not the text") {
    const Bench bench;
    bench.files.file("raw", "identified");
    const auto raw = bench.done("add --type video_raw raw");
    const auto release = bench.custody("add --type video_deid --source " + raw + " raw");
    CHECK(release.exit_code == 1);
    CHECK(contains(release.err, raw));
    const auto phi = bench.custody("add --type log --metadata '{\"patient_name\": \"Jo Doe\"}'");
    CHECK(phi.exit_code == 1);
    CHECK_FALSE(contains(phi.err, "Jo Doe"));
    CHECK(bench.custody("add --type log --metadata '{\"patient_name\": \"Jo Doe\"}' --allow-phi-metadata").exit_code == 0);
    for (const char* metadata : {"[]", "null", "{", "{\"a\": NaN}", "{\"a\": 1, \"a\": 2}", "{\"a\": \"\\ud800\"}"}) {
        INFO(metadata);
        CHECK(bench.custody(std::string("add --type log --metadata '") + metadata + "'").exit_code == 1);
    }
    CHECK(bench.custody("add --type nothing_such raw").exit_code == 1);
    CHECK(bench.custody("add --type log --status failed").exit_code == 1);
    CHECK(bench.custody("add --type log store").exit_code == 1);
    CHECK(bench.run("ln -s raw link; custody add --type log link").exit_code == 1);
    CHECK(bench.custody("add --type log --relationship 'not a name' --source " + raw).exit_code == 1);
}

TEST_CASE("list shows newest first, filters, and says how to get the next page") {
    const Bench bench;
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(bench.done("add --type log --module m" + std::to_string(i % 2)));
    const auto page = bench.custody("list --limit 2 --json");
    const auto first = ordered_json::parse(page.out);
    REQUIRE(first.size() == 2);
    CHECK(first[0]["artifact_id"] == ids[4]);
    CHECK(contains(page.err, "--after " + ids[3]));
    const auto second = bench.json_of("list --limit 2 --after " + ids[3]);
    CHECK(second[0]["artifact_id"] == ids[2]);
    CHECK(second[1]["artifact_id"] == ids[1]);
    CHECK(bench.custody("list --limit 2 --quiet").err.empty());
    CHECK(bench.custody("list --limit 5").err.empty());  // there are no older ones
    CHECK(bench.custody("list --limit 3 --module m0").err.empty());
    CHECK(bench.json_of("audit query --limit 2 --action list")[1]["details"]["limit"] == 3);
    CHECK(bench.json_of("list --limit 0").size() == 5);
    CHECK(bench.custody("list --limit 0").err.empty());
    CHECK(bench.json_of("list --module m1").size() == 2);
    CHECK(bench.json_of("list --type video_raw").empty());
    CHECK(bench.json_of("list --status completed --since 2020-01 --until 2021-01").empty());
    CHECK(bench.json_of("list --since 2020-01-01T00:00:00+02:00").size() == 5);
    const auto table = lines_of(bench.done("list"));
    REQUIRE(table.size() == 6);
    CHECK(table[0].rfind("ARTIFACT ", 0) == 0);
    CHECK(table[1].rfind(ids[4] + "  log   completed  20", 0) == 0);
}

TEST_CASE("a list without a limit of its own is cut at a hundred") {
    const Bench bench;
    REQUIRE(bench.run("touch $(seq 101); custody add --type log $(seq 101) >/dev/null").exit_code == 0);
    const auto page = bench.custody("list");
    CHECK(lines_of(page.out).size() == 101);
    CHECK(contains(page.err, "--after "));
    CHECK(bench.json_of("list --limit 0").size() == 101);
}

TEST_CASE("a status changes along the table of transitions, and recovery clears the error") {
    const Bench bench;
    const auto id = bench.done("add --type log");
    CHECK(bench.json_of("status " + id + " failed --error 'no codec'")["error_message"] == "no codec");
    CHECK(bench.custody("status " + id + " completed").exit_code == 1);
    const auto said = bench.custody("status " + id + " in_progress");
    CHECK(said.out.empty());
    CHECK(contains(said.err, id + " is in_progress"));
    CHECK(bench.custody("status " + id + " completed --error odd").exit_code == 1);
    CHECK(bench.json_of("status " + id + " completed")["error_message"].is_null());
    CHECK(bench.custody("status " + id + " archived --quiet").err.empty());
}

TEST_CASE("history tells all that was done with an artifact, oldest first") {
    const Bench bench;
    bench.files.file("a", "a");
    const auto id = bench.done("add --type log a");
    bench.done("status " + id + " failed --error gone");
    bench.done("file " + id);
    const auto entries = bench.json_of("history " + id);
    REQUIRE(entries.size() >= 3);
    CHECK(entries[0]["action"] == "create");
    CHECK(entries[1]["action"] == "update_status");
    CHECK(entries[1]["details"]["old_status"] == "completed");
    CHECK(entries[2]["action"] == "get_file");
    const auto table = bench.done("history " + id);
    CHECK(contains(table, "artifact_update/update_status"));
    CHECK(contains(table, "gone"));
}

TEST_CASE("types are registered and listed") {
    const Bench bench;
    CHECK(bench.json_of("type list").size() == 11);
    CHECK(bench.custody("add --type image_raw").exit_code == 1);
    CHECK(bench.json_of("type add image_raw --sensitivity identified")["artifact_type"] == "image_raw");
    bench.done("type add image_raw --sensitivity identified");
    CHECK(bench.custody("type add image_raw --sensitivity neutral").exit_code == 1);
    bench.done("add --type image_raw");
    CHECK(bench.json_of("type list").size() == 12);
    CHECK(contains(bench.done("type list"), "image_raw"));
}

TEST_CASE("control characters are shown escaped, in tables, fields, JSON and messages") {
    const Bench bench;
    const auto id = bench.done("add --type log --module \"$(printf 'a\\033[31mb\\302\\233c\\342\\200\\256')\"");
    const std::string query = "'SELECT processing_module FROM review_artifacts'";
    const std::vector<std::string> ways{
        "show " + id, "list", "history " + id, "show --json " + id, "list --json", "sql " + query, "sql --format json " + query};
    for (const auto& arguments : ways) {
        const auto ran = bench.custody(arguments);
        INFO(arguments << ran.err);
        CHECK(ran.exit_code == 0);
        CHECK_FALSE(contains(ran.out, "\033"));
        CHECK_FALSE(contains(ran.out, "\xc2\x9b"));
        CHECK_FALSE(contains(ran.out, "\xe2\x80\xae"));
    }
    CHECK(contains(bench.done("show " + id), "a\\x1b[31mb\\u009bc\\u202e"));
    CHECK(bench.json_of("show " + id)["processing_module"] ==
          "a\033[31mb\xc2\x9b"
          "c\xe2\x80\xae");
    const auto odd = bench.custody("show \"$(printf 'x\\033[2J\\377')\"");
    CHECK(contains(odd.err, "x\\x1b[2J\\xff"));
    CHECK_FALSE(contains(odd.err, "\033"));
}
