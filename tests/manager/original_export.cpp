// The store as a tree of the original's, and back.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "manager/support.hpp"
#include "support/original_tree.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

const OriginalExport utc{.timezone = "UTC"};

/// What a reviewer sees of a store's artifacts, links, runs and imported entries.
std::vector<std::vector<std::string>> seen(const Store& store) {
    auto raw = store.raw();
    auto rows = raw.rows(
        "SELECT artifact_id, artifact_type, status, created_at, updated_at, processing_module, processing_version, "
        "file_name, file_size, checksum, metadata, error_message, removed_at IS NULL, run_id "
        "FROM review_artifacts ORDER BY artifact_id");
    for (const char* query :
         {"SELECT artifact_id, source_artifact_id, relationship FROM review_lineage ORDER BY 1, 2, 3",
          "SELECT run_id, status, started_at, user, configuration, error_message FROM review_runs ORDER BY run_id",
          "SELECT o.text FROM audit_entries AS e JOIN audit_openings AS o USING (seq) WHERE o.pointer = "
          "'/details/imported' AND json_extract(e.line, '$.details.imported_from') IS NOT NULL "
          "AND json_extract(e.line, '$.details.damaged') IS NULL ORDER BY seq"}) {
        for (auto& row : raw.rows(query)) rows.push_back(std::move(row));
    }
    return rows;
}

/// Every file of a tree by its name below it.
std::map<std::string, std::string> files_of(const fs::path& root) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        if (entry.is_regular_file()) files[entry.path().lexically_relative(root).string()] = slurp(entry.path());
    }
    return files;
}

std::vector<std::string> lines_in(const fs::path& file) {
    std::vector<std::string> lines;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

/// Entries of a line that the original's own code would find, and those that it loses.
std::vector<ordered_json> entries_in(const fs::path& root) {
    std::vector<ordered_json> entries;
    for (const auto& [name, text] : files_of(root / "audit")) {
        for (const auto& line : lines_in(root / "audit" / name)) {
            auto entry = ordered_json::parse(line, nullptr, false);
            if (!entry.is_discarded()) entries.push_back(std::move(entry));
        }
    }
    return entries;
}

}  // namespace

TEST_CASE(
    "a thousand artifacts with every defect, imported and exported again: artifacts, checksums, links and entries are equal") {
    Store store;
    const BrokenTree broken(store.scratch / "tree");
    const OriginalImport berlin{.timezone = "Europe/Berlin"};
    (void)store.manager.import_original(broken.tree.root, berlin);
    const auto out = store.scratch / "out";
    const auto report = store.manager.export_original(out, {.timezone = "Europe/Berlin"});
    CHECK(report.ok());
    CHECK(report.artifacts == broken.artifacts);
    CHECK(report.payloads == broken.payloads);
    CHECK(report.audit_entries == broken.lines);

    std::set<std::string> defects;
    for (const auto& [name, id] : broken.defects) defects.insert(id);
    std::size_t compared = 0;
    for (const auto& entry : fs::directory_iterator(out / "storage/metadata")) {
        const auto id = entry.path().stem().string();
        auto mine = ordered_json::parse(slurp(entry.path()));
        std::vector<std::string> keys;
        for (const auto& [key, value] : mine.items()) keys.push_back(key);
        CHECK(keys == std::vector<std::string>{"artifact_id", "artifact_type", "status", "created_at", "updated_at",
                                               "source_artifacts", "processing_module", "processing_version", "file_path",
                                               "file_size", "checksum", "metadata", "error_message"});
        if (mine["file_path"].is_string()) {
            const fs::path file = mine["file_path"].get<std::string>();
            CHECK(file.is_absolute());
            CHECK(fs::exists(file) == (id != broken.defects.at("missing file") && id != broken.defects.at("altered file")));
            CHECK(file.filename().string().starts_with(id + "_"));
        }
        if (defects.contains(id)) continue;
        auto theirs = broken.tree.read(id);
        if (theirs["status"] == "pending") theirs["status"] = "completed";
        for (auto* each : {&mine, &theirs}) {
            if ((*each)["file_path"].is_string())
                (*each)["file_path"] = fs::path((*each)["file_path"].get<std::string>()).filename();
        }
        CHECK(mine == theirs);
        if (broken.tree.payloads.contains(id)) {
            const auto type = mine["artifact_type"].get<std::string>();
            CHECK(slurp(out / "storage/artifacts" / type / mine["file_path"].get<std::string>()) ==
                  slurp(broken.tree.payload(id)));
        }
        ++compared;
    }
    CHECK(compared > 980);
    // Every entry, in its order and file; the original's own code had lost those that were glued.
    std::vector<std::string> ids;
    for (const auto& entry : entries_in(out)) ids.push_back(entry["entry_id"]);
    CHECK(ids == broken.tree.entry_ids);
    const auto kept = lines_in(out / "audit/audit_202401.jsonl");
    CHECK(kept == lines_in(broken.tree.root / "audit/audit_202401.jsonl"));

    // Elsewhere it is the same.
    Store other;
    const auto again = other.manager.import_original(out, berlin);
    CHECK(again.audit_entries == broken.lines);
    CHECK(again.links == broken.links);
    CHECK(seen(other) == seen(store));
    CHECK(other.manager.verify().findings.empty());
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("the same store exports to the same bytes, and its exports are in its own trail alone") {
    Store store;
    OriginalTree tree(store.scratch / "tree");
    const auto raw = tree.add("video_raw", "raw");
    (void)store.manager.import_original(tree.root, {.timezone = "UTC"});
    const auto added = store.add(ArtifactType::video_deid, "deid", {ArtifactId::parse(raw)});
    const auto out = store.scratch / "out";
    (void)store.manager.export_original(out, utc);
    const auto first = files_of(out);
    fs::remove_all(out);
    (void)store.manager.export_original(out, utc);
    CHECK(files_of(out) == first);
    // Who took a payload, and when.
    CHECK(store.entries("artifact_access", "checkout").size() == 4);
    CHECK(store.entries("store", "export").size() == 2);
    CHECK(store.last_entry()["details"]["artifacts"] == 2);
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("what custody made has the original's form: naive local times, kinds of links in the metadata, runs, entries") {
    Store store;
    const auto raw = store.add(ArtifactType::video_raw, "raw");
    std::optional<Artifact> made;
    std::string run_id;
    {
        auto run = store.manager.start_processing_run({{"pipeline", "vidéo"}});
        run_id = run.id().str();
        made = store.manager.create_artifact({.type = ArtifactType::video_deid,
                                              .content = "deid",
                                              .file_name = "é b.mp4",
                                              .source_artifacts = {raw.id},
                                              .metadata_text = R"({"n": 12345678901234567890123, "t": "é"})"});
        run.end();
    }
    (void)store.manager.link_artifacts(
        {.source_artifact_ids = {raw.id}, .output_artifact_id = made->id, .relationship = "blurred_from"});
    (void)store.manager.update_artifact_status(made->id, ArtifactStatus::failed, "codec");
    (void)store.manager.get_artifact_file(raw.id);
    (void)store.manager.list_artifacts();
    const auto out = store.scratch / "out";
    const auto report = store.manager.export_original(out, {.timezone = "Asia/Kolkata"});
    CHECK(report.audit_entries == 7);

    const auto text = slurp(out / "storage/metadata" / (made->id.str() + ".json"));
    CHECK(std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) > 0; }));
    CHECK(text.find("12345678901234567890123") != std::string::npos);
    const auto record = ordered_json::parse(text);
    const auto local = Timestamp(made->created_at.time() + std::chrono::minutes(330)).str();
    CHECK(local.starts_with(record["created_at"].get<std::string>()));
    CHECK(record["status"] == "failed");
    CHECK(record["error_message"] == "codec");
    CHECK(record["metadata"]["t"] == "é");
    CHECK(record["metadata"]["blurred_from_artifacts"] == ordered_json::array({raw.id.str()}));
    CHECK(record["source_artifacts"] == ordered_json::array({raw.id.str()}));
    CHECK(record["metadata"]["derived_from_artifacts"] == record["source_artifacts"]);  // since it is linked twice
    CHECK(slurp(record["file_path"].get<std::string>()) == "deid");
    const auto run = ordered_json::parse(slurp(out / "storage/runs" / (run_id + ".json")));
    CHECK(run["status"] == "completed");
    CHECK(run["configuration"]["pipeline"] == "vidéo");
    CHECK(run["output_artifacts"] == ordered_json::array({made->id.str()}));
    CHECK(run["input_artifacts"] == ordered_json::array({raw.id.str()}));
    std::vector<std::string> actions;
    for (const auto& entry : entries_in(out)) {
        actions.push_back(entry["operation"].get<std::string>() + "/" + entry["action"].get<std::string>());
        CHECK(entry.size() == 10);
        CHECK(entry["timestamp"].get<std::string>().find('+') == std::string::npos);
    }
    CHECK(actions == std::vector<std::string>{"artifact_creation/create", "processing_run/start", "artifact_creation/create",
                                              "processing_run/end", "artifact_link/create_relationship",
                                              "artifact_update/update_status", "artifact_access/get_file"});
    // And back.
    Store other;
    (void)other.manager.import_original(out, {.timezone = "Asia/Kolkata"});
    const auto back = other.manager.get_artifact(made->id);
    REQUIRE(back);
    CHECK(back->created_at == made->created_at);
    CHECK(back->links == store.manager.get_artifact(made->id)->links);
    CHECK(back->run == made->run);
    CHECK(other.manager.get_run(RunId::parse(run_id))->started_at == store.manager.get_run(RunId::parse(run_id))->started_at);
    CHECK(other.manager.verify().findings.empty());
}

TEST_CASE("ids that are no UUIDs are those that they were") {
    Store store;
    OriginalTree tree(store.scratch / "tree");
    const auto id = tree.add("log", "x", {.name = "x.log"});
    auto record = tree.read(id);
    record["artifact_id"] = "patient-7";
    record["file_path"] = "storage/artifacts/log/patient-7_x.log";
    fs::rename(tree.payload(id), tree.root / "storage/artifacts/log/patient-7_x.log");
    fs::remove(tree.record(id));
    tree.write("patient-7", record);
    (void)tree.add("log", "y", {.sources = {"patient-7"}, .name = "y.log"});
    tree.log("artifact_access", "get_file", "patient-7");
    const auto report = store.manager.import_original(tree.root, {.timezone = "UTC"});
    CHECK(report.ok());
    CHECK(report.links == 1);
    const auto out = store.scratch / "out";
    (void)store.manager.export_original(out, utc);
    CHECK(slurp(out / "storage/artifacts/log/patient-7_x.log") == "x");
    CHECK(ordered_json::parse(slurp(out / "storage/metadata/patient-7.json"))["artifact_id"] == "patient-7");
    CHECK(entries_in(out) == entries_in(tree.root));
    Store other;
    (void)other.manager.import_original(out, {.timezone = "UTC"});
    CHECK(seen(other) == seen(store));
}

TEST_CASE("a tree may lie in a folder whose name is no UTF-8") {
    Store store;
    const auto log = store.add(ArtifactType::log, "log");
    const auto out = store.scratch / "out\xFF" / "tree";
    (void)store.manager.export_original(out, utc);
    const auto record = ordered_json::parse(slurp(out / "storage/metadata" / (log.id.str() + ".json")));
    CHECK(record["file_path"].get<std::string>().find("out\xEF\xBF\xBD/tree/storage/artifacts/log/") != std::string::npos);
    Store other;
    CHECK(other.manager.import_original(out, {.timezone = "UTC"}).payloads == 1);
}

TEST_CASE("what the original has no place for is named, and left out with its links") {
    Store store;
    store.manager.register_artifact_type(ArtifactType("gait"), Sensitivity::neutral);
    const auto gait = store.add(ArtifactType("gait"), "steps");
    const auto log = store.add(ArtifactType::log, "log", {gait.id});
    const auto out = store.scratch / "out";
    const auto report = store.manager.export_original(out, utc);
    CHECK_FALSE(report.ok());
    REQUIRE(report.remarks.size() == 1);
    CHECK(report.remarks[0].subject == gait.id.str());
    CHECK(report.artifacts == 1);
    CHECK(ordered_json::parse(slurp(out / "storage/metadata" / (log.id.str() + ".json")))["source_artifacts"].empty());
}

TEST_CASE("a withdrawn text doesn't come out again, and a removed payload stays removed") {
    Store store;
    OriginalTree tree(store.scratch / "tree");
    const auto id = tree.add("log", "x", {.name = "Ann_Smith.log"});
    (void)store.manager.import_original(tree.root, {.timezone = "UTC"});
    std::vector<std::int64_t> seqs;
    for (const auto& entry : store.manager.audit().get_artifact_history(ArtifactId::parse(id))) seqs.push_back(entry.seq);
    (void)store.manager.audit().redact(seqs, {}, "a name");
    (void)store.manager.cleanup_old_artifacts({.older_than_days = 1});
    const auto out = store.scratch / "out";
    const auto report = store.manager.export_original(out, utc);
    CHECK(report.payloads == 0);
    for (const auto& [name, text] : files_of(out)) {
        CAPTURE(name);
        CHECK((name + text).find("Ann_Smith") == std::string::npos);
    }
    const auto entries = entries_in(out);
    REQUIRE(entries.size() == 3);  // that of the create, and the cleanup with its summary
    CHECK(entries[0]["entry_id"] == tree.entry_ids[0]);
    CHECK(entries[0]["details"]["withdrawn"] == true);
}

TEST_CASE("an export that fails leaves no tree, nothing beside it, and one entry") {
    Store store;
    const auto artifact = store.add(ArtifactType::log, "content");
    const auto out = store.scratch / "out";
    const auto beside = [&] {
        std::set<std::string> names;
        for (const auto& entry : fs::directory_iterator(store.scratch.path())) names.insert(entry.path().filename());
        return names;
    };
    const auto before = beside();
    {
        const Trace trace(store);
        CHECK_THROWS_AS(store.manager.export_original(store.base / "storage/out", utc), InvalidArgument);
        CHECK_THROWS_AS(store.manager.export_original(store.base, utc), InvalidArgument);
        CHECK_THROWS_AS(store.manager.export_original(out, {.timezone = "Mars/Olympus"}), InvalidArgument);
        CHECK_THROWS_AS(store.manager.export_original("", utc), InvalidArgument);
        trace.check_unchanged(4);
    }
    CHECK_THROWS_AS(
        store.manager.export_original(out, {.timezone = "UTC", .progress = [](auto, auto) { throw IoError("stopped", 4); }}),
        IoError);
    tamper(store.blob(artifact), "CONTENT");
    CHECK_THROWS_AS(store.manager.export_original(out, utc), Corruption);
    CHECK(store.last_entry()["outcome"] == "failed");
    CHECK(store.last_entry()["operation"] == "store");
    CHECK(beside() == before);
    tamper(store.blob(artifact), "content");

    fs::create_directory(out);
    (void)store.scratch.file("out/mine", "x");
    CHECK_THROWS_AS(store.manager.export_original(out, utc), InvalidArgument);
    CHECK(slurp(out / "mine") == "x");
    fs::remove(out / "mine");
    CHECK(store.manager.export_original(out, utc).payloads == 1);  // an empty folder is as good as none
    CHECK((fs::status(out).permissions() & fs::perms::all) == fs::perms::owner_all);
}
