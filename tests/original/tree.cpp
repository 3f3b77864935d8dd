// A store of the original's, read: everything in it is used, put right and told, or told to stay behind.
#include "original/tree.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <custody/error.hpp>

#include "support/original_tree.hpp"
#include "support/scratch.hpp"

using namespace custody;
using namespace custody::testing;
using original::Tree;
using Kind = ImportRemark::Kind;
namespace fs = std::filesystem;

namespace {

struct Fixture {
    Scratch scratch{};
    OriginalTree tree{scratch / "tree"};
    [[nodiscard]] Tree read(const char* zone = "UTC") const {
        return original::read_tree(tree.root, original::Zone::named(zone));
    }
};

std::vector<std::string> told(const Tree& tree, Kind kind) {
    std::vector<std::string> all;
    for (const auto& remark : tree.remarks) {
        if (remark.kind != kind) continue;
        auto place = remark.path;
        if (remark.line != 0) place.append(":").append(std::to_string(remark.line));
        all.push_back(place + ": " + remark.message);
    }
    return all;
}

bool has(const std::vector<std::string>& all, const std::string& part) {
    return std::any_of(all.begin(), all.end(), [&](const auto& text) { return text.find(part) != std::string::npos; });
}

const original::Record& record_of(const Tree& tree, const std::string& id) {
    const auto found =
        std::find_if(tree.records.begin(), tree.records.end(), [&](const auto& record) { return record.original_id == id; });
    REQUIRE(found != tree.records.end());
    return *found;
}

}  // namespace

TEST_CASE("a whole tree is read without a remark") {
    Fixture f;
    const auto run = f.tree.start_run({{"pipeline", "video_deid"}});
    const auto raw = f.tree.add("video_raw", "raw");
    const auto deid = f.tree.add("video_deid", "deid", {.sources = {raw}, .metadata = {{"blur", "gaussian"}, {"n", 1.5}}});
    f.tree.end_run(run, "completed");
    const auto tree = f.read("Europe/Berlin");
    CHECK(tree.remarks.empty());
    REQUIRE(tree.records.size() == 2);
    CHECK(tree.records[0].original_id == raw);
    const auto& record = record_of(tree, deid);
    CHECK(record.id.str() == deid);
    CHECK(record.status == ArtifactStatus::completed);
    CHECK(record.metadata_text == R"({"blur":"gaussian","n":1.5})");
    CHECK(record.file_name == "clip.mp4");
    CHECK(record.payload == fs::canonical(f.tree.payload(deid)));
    CHECK(record.created_at.str().substr(11, 2) == "07");  // eight o'clock in Berlin
    REQUIRE(record.links.size() == 1);
    CHECK(record.links[0] == std::pair(ArtifactId::parse(raw), std::string("derived_from")));
    REQUIRE(tree.lines.size() == 4);
    CHECK(tree.lines[0].operation == "processing_run");
    CHECK(tree.lines[0].run_id == RunId::parse(run));
    CHECK(tree.lines[1].artifact_id == ArtifactId::parse(raw));
    REQUIRE(tree.runs.size() == 1);
    CHECK(tree.runs[0].status == ArtifactStatus::completed);
    CHECK(tree.runs[0].user == "researcher_1");
    CHECK(tree.runs[0].configuration_text == R"({"pipeline":"video_deid"})");
}

TEST_CASE("a folder that is no such store is refused") {
    const Scratch scratch;
    CHECK_THROWS_AS(original::read_tree(scratch / "nothing", original::Zone::utc()), IoError);
    CHECK_THROWS_AS(original::read_tree(scratch.path(), original::Zone::utc()), InvalidArgument);
    fs::create_directories(scratch / "storage/metadata");
    CHECK_NOTHROW(original::read_tree(scratch.path(), original::Zone::utc()));
    (void)scratch.file("storage/catalog.db", "");
    CHECK_THROWS_AS(original::read_tree(scratch.path(), original::Zone::utc()), InvalidArgument);
}

TEST_CASE("pending with a checksum is completed; a message without a failure stays behind") {
    Fixture f;
    const auto pending = f.tree.add("log", "x", {.status = "pending"});
    const auto waiting = f.tree.add_bare("log", {.status = "pending"});
    const auto recovered = f.tree.add("log", "y", {.error_message = "codec"});
    const auto failed = f.tree.add("log", "z", {.status = "failed", .error_message = "codec"});
    const auto tree = f.read();
    CHECK(record_of(tree, pending).status == ArtifactStatus::completed);
    CHECK(record_of(tree, waiting).status == ArtifactStatus::pending);
    CHECK_FALSE(record_of(tree, recovered).error_message);
    CHECK(record_of(tree, failed).error_message == "codec");
    CHECK(told(tree, Kind::mended).size() == 2);
    CHECK(told(tree, Kind::left_out).empty());
}

TEST_CASE("links that can't be stay behind, each with its remark, and the others keep their order and kind") {
    Fixture f;
    const auto a = f.tree.add_bare("metadata", {});
    const auto b = f.tree.add_bare("metadata", {.sources = {a}});
    const auto c = f.tree.add_bare("metadata", {.sources = {b, a, "00000000-0000-4000-8000-00000000dead"},
                                                .metadata = {{"blurred_from_artifacts", {a}}, {"made_of_artifacts", {b}}}});
    auto record = f.tree.read(a);
    record["source_artifacts"] = {c, a};
    f.tree.write(a, record);
    const auto tree = f.read();
    // Sources come before what was made from them.
    REQUIRE(tree.records.size() == 3);
    CHECK(tree.records[0].original_id == a);
    CHECK(tree.records[1].original_id == b);
    CHECK(tree.records[0].links.empty());
    const auto& links = tree.records[2].links;
    REQUIRE(links.size() == 2);
    CHECK(links[0] == std::pair(ArtifactId::parse(b), std::string("made_of")));
    CHECK(links[1] == std::pair(ArtifactId::parse(a), std::string("blurred_from")));
    const auto out = told(tree, Kind::left_out);
    CHECK(out.size() == 3);
    CHECK(has(out, "cycle"));
    CHECK(has(out, "no source of itself"));
    CHECK(has(out, "no record of that artifact"));
}

TEST_CASE("a chain deeper than any stack is put in order") {
    Fixture f;
    std::string last;
    for (int i = 0; i < 3000; ++i) {
        last = f.tree.add_bare(
            "log", {.sources = last.empty() ? std::vector<std::string>{} : std::vector<std::string>{last}, .with_line = false});
    }
    const auto tree = f.read();
    CHECK(tree.remarks.empty());
    REQUIRE(tree.records.size() == 3000);
    CHECK(tree.records.back().original_id == last);
}

TEST_CASE("payloads are found by their names inside of the tree alone") {
    Fixture f;
    const auto moved = f.tree.add("log", "moved", {.name = "m.log"});
    auto record = f.tree.read(moved);
    record["file_path"] = "../../../../etc/passwd";
    f.tree.write(moved, record);
    const auto other = f.tree.add("log", "other folder", {.name = "o.log"});
    fs::create_directories(f.tree.root / "storage/artifacts/metadata");
    fs::rename(f.tree.payload(other), f.tree.root / "storage/artifacts/metadata" / f.tree.payload(other).filename());
    const auto linked = f.tree.add("log", "linked", {.name = "l.log"});
    fs::rename(f.tree.payload(linked), f.scratch / "elsewhere");
    fs::create_symlink(f.scratch / "elsewhere", f.tree.payload(linked));
    const auto orphan = f.tree.root / "storage/artifacts/log" / (f.tree.new_id() + "_x.log");
    write_file(orphan, "x");
    const auto tree = f.read();
    CHECK(record_of(tree, moved).payload.filename() == moved + "_m.log");
    CHECK(record_of(tree, moved).file_name == "m.log");
    CHECK(record_of(tree, other).payload.parent_path().filename() == "metadata");
    CHECK(record_of(tree, linked).payload.empty());
    const auto out = told(tree, Kind::left_out);
    CHECK(out.size() == 2);
    CHECK(has(out, "no regular file"));
    CHECK(has(out, orphan.filename().string() + ": no record"));
    CHECK(told(tree, Kind::mended).size() == 2);
}

TEST_CASE("records that can't be used stay behind, and their text goes to the trail") {
    Fixture f;
    const auto good = f.tree.add_bare("log", {.with_line = false});
    write_file(f.tree.record("cut"), slurp(f.tree.record(good)).substr(0, 200));
    write_file(f.tree.record("empty"), "");
    auto record = f.tree.read(good);
    write_file(f.tree.record("copy"), record.dump(2));  // the same id
    record["artifact_id"] = f.tree.new_id();
    record["status"] = "unheard_of";
    write_file(f.tree.record("status"), record.dump(2));
    record["status"] = "completed";
    record["artifact_type"] = "no type!";
    write_file(f.tree.record("type"), record.dump(2));
    write_file(f.tree.root / "storage/metadata/x.json.tmp", "{");
    const auto tree = f.read();
    REQUIRE(tree.records.size() == 1);
    CHECK(tree.records[0].path == "storage/metadata/" + good + ".json");
    CHECK(told(tree, Kind::left_out).size() == 6);
    REQUIRE(tree.lines.size() == 5);
    for (const auto& line : tree.lines) CHECK_FALSE(line.whole);
}

TEST_CASE("a record that names no id, times or lower-case type is put right; one with an id by hand gets a UUID") {
    Fixture f;
    const auto id = f.tree.add_bare("log", {});
    auto record = f.tree.read(id);
    fs::remove(f.tree.record(id));
    record.erase("artifact_id");
    record["artifact_type"] = "LOG";
    record["created_at"] = "yesterday";
    record["updated_at"] = nullptr;
    record["processing_version"] = 2;
    record["metadata"] = {1, 2};
    record["checksum"] = "abc";
    f.tree.write("patient-7", record);
    const auto tree = f.read();
    REQUIRE(tree.records.size() == 1);
    CHECK(tree.records[0].original_id == "patient-7");
    CHECK(tree.records[0].id == original::artifact_id_of("patient-7"));
    CHECK(tree.records[0].id != original::artifact_id_of("patient-8"));
    CHECK(tree.records[0].type == ArtifactType::log);
    CHECK(tree.records[0].processing_version == "2");
    CHECK(tree.records[0].metadata_text == R"({"value":[1,2]})");
    CHECK(told(tree, Kind::mended).size() == 9);
    CHECK(told(tree, Kind::left_out).empty());
}

TEST_CASE("glued and half lines: what parses is kept, the rest too, each told by file and line") {
    Fixture f;
    const auto whole = [&] {
        return f.tree.entry("artifact_access", "get_file", f.tree.new_id(), {{"a", {{"b", "{\"entry_id\": 1}"}}}});
    };
    const auto half = [&] {
        auto text = f.tree.entry("artifact_access", "get_file", nullptr, {{"nested", {{"entry_id", "x"}}}});
        return text.substr(0, text.size() - 60);
    };
    f.tree.append(whole() + "\n");
    f.tree.append(half() + whole() + "\n");
    f.tree.append(whole() + whole() + half() + "\n");
    f.tree.append("\r\n\n" + half() + "\n");
    f.tree.append("{\"operation\": \"x\"}\n");
    f.tree.append("garbage \xFF\xFE {\"\n");
    f.tree.append(whole());  // no line feed at the end
    const auto tree = f.read();
    std::vector<std::string> shape;
    for (const auto& line : tree.lines)
        shape.push_back(std::to_string(line.line) + "." + std::to_string(line.part) + (line.whole ? "" : "!"));
    CHECK(shape == std::vector<std::string>{"1.1", "2.1!", "2.2", "3.1", "3.2", "3.3!", "6.1!", "7.1!", "8.1!", "9.1"});
    CHECK(told(tree, Kind::left_out).size() == 5);
    CHECK(has(told(tree, Kind::mended), ":3: entries without a line feed"));
    std::string all;
    for (const auto& line : tree.lines) all += line.text;
    for (const auto& remark : tree.remarks) CHECK(remark.path == "audit/audit_202401.jsonl");
}

TEST_CASE("audit files are read in the order of what they say") {
    Fixture f;
    f.tree.log("a", "one", nullptr);
    fs::rename(f.tree.audit_file(), f.tree.root / "audit/audit_202401_rotated.jsonl");
    f.tree.log("a", "two", nullptr);
    f.tree.next_month();
    f.tree.log("a", "three", nullptr);
    write_file(f.tree.root / "audit/notes.txt", "x");
    const auto tree = f.read();
    REQUIRE(tree.lines.size() == 3);
    CHECK(tree.lines[0].action == "one");
    CHECK(tree.lines[1].action == "two");
    CHECK(tree.lines[2].action == "three");
    CHECK(told(tree, Kind::left_out).size() == 1);
}

TEST_CASE("runs: what has no end is lost, what has no start begins with its end, and outputs are those that are told") {
    Fixture f;
    const auto lost = f.tree.start_run({{"n", 1}});
    const auto failed = f.tree.start_run({});
    const auto output = f.tree.add_bare("log", {.metadata = {{"run_id", failed}}});
    f.tree.end_run(failed, "failed");
    const auto headless = f.tree.new_id();
    f.tree.end_run(headless, "completed");
    f.tree.log("processing_run", "start", nullptr, {{"nothing", true}});
    const auto tree = f.read();
    REQUIRE(tree.runs.size() == 3);
    CHECK(tree.runs[0].id == RunId::parse(lost));
    CHECK(tree.runs[0].end_reason == "lost");
    CHECK(tree.runs[1].status == ArtifactStatus::failed);
    CHECK(tree.runs[1].end_reason == "ended");
    CHECK(tree.runs[2].status == ArtifactStatus::completed);
    CHECK(record_of(tree, output).run == RunId::parse(failed));
    CHECK(told(tree, Kind::mended).size() == 2);
    CHECK(told(tree, Kind::note).size() == 1);
}

TEST_CASE("a thousand artifacts with every defect are read with a full account") {
    const Scratch scratch;
    const BrokenTree broken(scratch / "tree");
    const auto tree = original::read_tree(broken.tree.root, original::Zone::named("Europe/Berlin"));
    CHECK(tree.records.size() == broken.artifacts);
    CHECK(static_cast<std::uint64_t>(
              std::count_if(tree.lines.begin(), tree.lines.end(), [](const auto& line) { return line.whole; })) == broken.lines);
    CHECK(tree.lines.size() == broken.lines + broken.fragments);
    std::uint64_t links = 0;
    for (const auto& record : tree.records) links += record.links.size();
    CHECK(links == broken.links);
}

TEST_CASE("a tree that may not be looked into is an error of reading, not one that isn't there") {
    Fixture f;
    fs::permissions(f.tree.root.parent_path(), fs::perms::all);
    fs::permissions(f.tree.root, fs::perms::owner_all);
    const bool is_root = ::geteuid() == 0;
    if (!is_root) fs::permissions(f.tree.root, fs::perms::none);
    if (is_root) REQUIRE(::seteuid(65534) == 0);
    CHECK_THROWS_AS(f.read(), IoError);
    if (is_root) REQUIRE(::seteuid(0) == 0);
    fs::permissions(f.tree.root, fs::perms::owner_all);
    fs::remove_all(f.tree.root / "storage");
    fs::remove_all(f.tree.root / "audit");
    CHECK_THROWS_AS(f.read(), InvalidArgument);
}
