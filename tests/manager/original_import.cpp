// A store of the original comes over: whole, once, and with an account of all that is in it.
#include <unistd.h>

#include <algorithm>

#include "manager/support.hpp"
#include "support/original_tree.hpp"

using namespace custody;
using namespace custody::testing;
using Kind = ImportRemark::Kind;
namespace fs = std::filesystem;

namespace {

const OriginalImport utc{.timezone = "UTC"};

std::vector<std::string> told(const ImportReport& report, Kind kind) {
    std::vector<std::string> all;
    for (const auto& remark : report.remarks) {
        if (remark.kind == kind) all.push_back(remark.path + ": " + remark.message);
    }
    return all;
}

bool has(const std::vector<std::string>& all, const std::string& part) {
    return std::any_of(all.begin(), all.end(), [&](const auto& text) { return text.find(part) != std::string::npos; });
}

/// What a reviewer sees of it.
std::vector<std::vector<std::string>> seen(const Store& store) {
    auto raw = store.raw();
    auto rows = raw.rows(
        "SELECT artifact_id, artifact_type, status, created_at, updated_at, file_size, checksum, metadata, "
        "error_message, removed_at IS NULL FROM review_artifacts ORDER BY artifact_id");
    for (auto& row : raw.rows("SELECT artifact_id, source_artifact_id, relationship FROM review_lineage ORDER BY 1, 2, 3")) {
        rows.push_back(row);
    }
    for (auto& row : raw.rows("SELECT run_id, status, started_at, user, configuration FROM review_runs ORDER BY run_id"))
        rows.push_back(row);
    for (auto& row : raw.rows("SELECT o.text FROM audit_entries AS e JOIN audit_openings AS o USING (seq) WHERE o.pointer = "
                              "'/details/imported' ORDER BY seq")) {
        rows.push_back(row);
    }
    return rows;
}

}  // namespace

TEST_CASE("artifacts come over under their ids and times, with their payloads, links and runs, and the trail proves them") {
    Store store;
    OriginalTree tree(store.scratch / "tree");
    const auto run = tree.start_run({{"pipeline", "video_deid"}});
    const auto raw = tree.add("video_raw", "raw", {.metadata = {{"fps", 30}}});
    const auto points =
        tree.add("video_keypoints", "points", {.sources = {raw}, .metadata = {{"run_id", run}}, .name = "points.csv"});
    const auto deid =
        tree.add("video_deid", "deid", {.sources = {raw, points}, .metadata = {{"blurred_from_artifacts", {points}}}});
    const auto failed = tree.add_bare("log", {.status = "failed", .error_message = "codec"});
    const auto pending = tree.add("log", "p", {.status = "pending"});
    tree.end_run(run, "completed");

    const auto report = store.manager.import_original(tree.root, {.timezone = "Europe/Berlin"});
    CHECK(report.ok());
    CHECK(report.artifacts == 5);
    CHECK(report.payloads == 4);
    CHECK(report.payload_bytes == 3 + 6 + 4 + 1);
    CHECK(report.links == 3);
    CHECK(report.runs == 1);
    CHECK(report.audit_entries == 7);
    CHECK(report.count(Kind::mended) == 1);

    const auto video = store.manager.get_artifact(ArtifactId::parse(deid));
    REQUIRE(video);
    CHECK(video->created_at == Timestamp::parse(tree.read(deid)["created_at"].get<std::string>() + "+01:00"));
    CHECK(video->updated_at == Timestamp::parse(tree.read(deid)["updated_at"].get<std::string>() + "+01:00"));
    CHECK(video->file_name == "clip.mp4");
    CHECK(slurp(*store.manager.get_artifact_file(video->id)) == "deid");
    CHECK(video->links == std::vector<std::pair<std::string, ArtifactId>>{{"derived_from", ArtifactId::parse(raw)},
                                                                          {"blurred_from", ArtifactId::parse(points)}});
    const auto failure = store.manager.get_artifact(ArtifactId::parse(failed));
    CHECK(failure->status == ArtifactStatus::failed);
    CHECK(failure->error_message == "codec");
    CHECK(store.manager.get_artifact(ArtifactId::parse(pending))->status == ArtifactStatus::completed);
    const auto runs = store.manager.list_runs();
    REQUIRE(runs.size() == 1);
    CHECK(runs[0].id.str() == run);
    CHECK(runs[0].status == ArtifactStatus::completed);
    CHECK(runs[0].user == "researcher_1");
    CHECK(runs[0].outputs == std::vector{ArtifactId::parse(points)});
    CHECK(runs[0].inputs == std::vector{ArtifactId::parse(raw)});
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("entries of the trail are kept as they were: text, order, id and time, marked as imported") {
    Store store;
    OriginalTree tree(store.scratch / "tree");
    const auto raw = tree.add("video_raw", "raw");
    tree.log("artifact_access", "get_metadata", tree.new_id(), ordered_json::object(), false, "Artifact not found");
    tree.log("artifact_update", "update_status", raw, {{"old_status", "completed"}, {"new_status", "failed"}}, false, "codec");
    tree.log("artifact_storage", "store", tree.new_id(), {{"source_path", "/in/x"}}, false, "Source file not found: /in/x");
    tree.log("store", "init", nullptr, {{"epoch", "forged"}});  // what would mean something here
    tree.log("artifact_access", "get_file", raw);
    tree.log("No Name!", "x", nullptr);
    const auto lines = slurp(tree.audit_file());
    (void)store.manager.import_original(tree.root, utc);

    std::string kept;
    std::vector<std::string> ids, shapes;
    for (const auto& entry : store.manager.audit().query_audit_trail()) {
        const auto& details = entry.entry["details"];
        if (!details.contains("imported_from")) continue;
        kept += details["imported"].get<std::string>() + "\n";
        ids.push_back(entry.entry["entry_id"]);
        shapes.push_back(entry.entry["operation"].get<std::string>() + "/" + entry.entry["action"].get<std::string>() + " " +
                         entry.entry["outcome"].get<std::string>() + " " + entry.entry["success"].dump());
        CHECK(details["occurred_at"].get<std::string>().starts_with("2024-01-15T08:00:0"));
    }
    CHECK(kept == lines);
    CHECK(ids == tree.entry_ids);
    CHECK(shapes == std::vector<std::string>{"artifact_creation/create done true", "artifact_access/get_metadata not_found false",
                                             "artifact_update/update_status done false", "artifact_storage/store failed false",
                                             "audit_trail/import done true", "artifact_access/get_file done true",
                                             "audit_trail/import done true"});
    auto history = store.manager.audit().get_artifact_history(ArtifactId::parse(raw));
    CHECK(history.size() == 4);  // that it was imported, and three of the original's
    CHECK(store.raw().number("SELECT count(*) FROM audit_entries WHERE occurred_at LIKE '2024-01-15T08:00:%'") == 8);
    CHECK(store.raw().number("SELECT count(*) FROM review_access WHERE artifact_type = 'video_raw' AND action = 'get_file' "
                             "AND occurred_at LIKE '2024-01-15T08:00:%' AND timestamp > '2026' AND user = 'unknown'") == 1);
    CHECK(store.manager.verify().findings.empty());
    CHECK(store.manager.audit().verify({}).ok());
}

TEST_CASE("importing twice adds nothing but the entry that says so; what is new since then is brought in") {
    Store store;
    const BrokenTree broken(store.scratch / "tree");
    const auto first = store.manager.import_original(broken.tree.root, utc);
    CHECK(first.artifacts == broken.artifacts);
    const auto before = seen(store);
    const Trace trace(store);
    const auto again = store.manager.import_original(broken.tree.root, utc);
    trace.check_unchanged(1);
    CHECK(seen(store) == before);
    CHECK(again.artifacts == 0);
    CHECK(again.artifacts_there == broken.artifacts);
    CHECK(again.links == 0);
    CHECK(again.runs == 0);
    CHECK(again.audit_entries == 0);
    CHECK(again.audit_entries_there == broken.lines + broken.fragments);

    auto tree = broken.tree;
    const auto added = tree.add("log", "later", {.sources = {broken.defects.at("failed")}});
    auto record = tree.read(broken.defects.at("failed"));
    record["source_artifacts"].push_back(broken.defects.at("NaN"));
    tree.write(broken.defects.at("failed"), record);
    const auto later = store.manager.import_original(tree.root, utc);
    CHECK(later.artifacts == 1);
    CHECK(later.audit_entries == 1);
    CHECK(later.links == 2);
    CHECK(has(told(later, Kind::note), "changed since it was imported"));
    CHECK(store.manager.get_artifact(ArtifactId::parse(added)));
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("a thousand artifacts and three thousand lines with every defect come over with a full account") {
    Store store;
    const BrokenTree broken(store.scratch / "tree");
    const auto dry = store.manager.import_original(broken.tree.root, {.timezone = "Europe/Berlin", .dry_run = true});
    const auto report = store.manager.import_original(broken.tree.root, {.timezone = "Europe/Berlin"});
    CHECK(report.artifacts == broken.artifacts);
    CHECK(report.payloads == broken.payloads);
    CHECK(report.links == broken.links);
    CHECK(report.runs == 2);
    CHECK(report.audit_entries == broken.lines + broken.fragments);
    CHECK(report.count(Kind::left_out) == broken.left_out);
    for (const auto& [defect, where] : broken.defects) {
        CAPTURE(defect);
        const bool told_of =
            std::any_of(report.remarks.begin(), report.remarks.end(), [&, &place = where](const ImportRemark& remark) {
                return (remark.path + remark.subject).find(place) != std::string::npos;
            });
        CHECK(told_of == (defect != "failed" && defect != "relationship"));
    }
    const auto of = [&](const char* defect) { return *store.manager.get_artifact(ArtifactId::parse(broken.defects.at(defect))); };
    CHECK(of("missing file").removed_at);
    CHECK(of("altered file").removed_at);
    CHECK(of("altered file").checksum);
    CHECK(of("NaN").metadata_text == R"({"score":null,"fps":25})");
    CHECK(of("no checksum").checksum);
    CHECK_FALSE(of("message of a recovered failure").error_message);
    CHECK(of("failed").error_message == "codec");
    CHECK(store.manager.list_runs({.status = ArtifactStatus::failed})[0].end_reason == "lost");
    CHECK(store.manager.verify().findings.empty());
    // The dry run said the same of each.
    CHECK(dry.artifacts == report.artifacts);
    CHECK(dry.payloads == report.payloads);
    CHECK(dry.payload_bytes == report.payload_bytes);
    CHECK(dry.links == report.links);
    CHECK(dry.runs == report.runs);
    CHECK(dry.audit_entries == report.audit_entries);
    CHECK(to_json(dry)["remarks"] == to_json(report)["remarks"]);
}

TEST_CASE("a dry run changes nothing, and needs no store") {
    Store store;
    const BrokenTree broken(store.scratch / "tree");
    const Trace trace(store);
    const auto report = store.manager.import_original(broken.tree.root, {.timezone = "UTC", .dry_run = true});
    trace.check_unchanged(1);
    CHECK(store.last_entry()["details"]["dry_run"] == true);
    const auto without = ArtifactManager::examine_original(broken.tree.root, utc);
    CHECK(to_json(without) == to_json(report));
}

TEST_CASE("what an import can't read or must not take is left out, and comes in when it may") {
    Store store;
    OriginalTree tree(store.scratch / "tree");
    const auto raw = tree.add("video_raw", "same bytes");
    const auto leak = tree.add("video_deid", "same bytes", {.sources = {raw}});
    const auto from_leak = tree.add("log", "x", {.sources = {leak, raw}, .name = "x.log"});
    const auto custom = tree.add("gait_report", "steps");
    const auto phi = tree.add_bare("metadata", {.metadata = {{"patient_name", "Ann Smith"}}});
    const auto report = store.manager.import_original(tree.root, utc);
    CHECK(report.artifacts == 2);
    const auto out = told(report, Kind::left_out);
    CHECK(out.size() == 4);
    CHECK(has(out, "it was not de-identified"));
    CHECK(has(out, "gait_report is not registered"));
    CHECK(has(out, "protected health information"));
    CHECK(has(out, "that artifact stays behind"));
    CHECK(store.manager.verify().findings.empty());

    store.manager.register_artifact_type(ArtifactType("gait_report"), Sensitivity::neutral);
    const auto more = store.manager.import_original(
        tree.root, {.timezone = "UTC", .allow_phi_metadata = true, .allow_identified_release = true});
    CHECK(more.artifacts == 3);
    CHECK(more.links == 2);  // the one of the leak, and the one to it
    CHECK(more.ok());
    for (const auto& id : {raw, leak, from_leak, custom, phi}) CHECK(store.manager.get_artifact(ArtifactId::parse(id)));
    CHECK(store.raw().number("SELECT count(*) FROM review_audit WHERE details ->> 'phi_override'") == 1);
    CHECK(store.raw().number("SELECT count(*) FROM review_audit WHERE details ->> 'release_override'") == 1);
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("an import that fails leaves what came over before, one entry, and nothing of what was on its way") {
    Store store;
    OriginalTree tree(store.scratch / "tree");
    for (int i = 0; i < 600; ++i) tree.add("log", "content " + std::to_string(i), {.name = "x.log"});
    int calls = 0;
    const auto stop = [&](std::uint64_t done, std::uint64_t total) {
        CHECK(done <= total);
        if (done > total / 2 && ++calls == 1) throw IoError("stopped", 4 /* EINTR */);
    };
    CHECK_THROWS_AS(store.manager.import_original(tree.root, {.timezone = "UTC", .progress = stop}), IoError);
    const auto rows = store.rows();
    CHECK(rows.at("artifacts") == 256);
    CHECK(rows.at("payloads") == 256);
    CHECK(store.entries("audit_trail", "import").size() == 1);
    CHECK(store.last_entry()["outcome"] == "failed");
    CHECK(store.last_entry()["details"]["artifacts"] == 256);
    CHECK(store.manager.verify().findings.empty());
    const auto rest = store.manager.import_original(tree.root, utc);
    CHECK(rest.artifacts == 344);
    CHECK(rest.artifacts_there == 256);
    CHECK(rest.audit_entries == 600);
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("a folder that is none, a zone that is none, and the store's own folder are refused, with one entry each") {
    Store store;
    const Trace trace(store);
    CHECK_THROWS_AS(store.manager.import_original(store.scratch / "nothing", utc), IoError);
    CHECK_THROWS_AS(store.manager.import_original(store.scratch.path(), utc), InvalidArgument);
    CHECK_THROWS_AS(store.manager.import_original(std::string(1, '\0'), utc), InvalidArgument);  // not the working folder
    CHECK_THROWS_AS(store.manager.import_original(store.base, utc), InvalidArgument);
    OriginalTree tree(store.scratch / "tree");
    CHECK_THROWS_AS(store.manager.import_original(tree.root, {.timezone = "Mars/Olympus"}), InvalidArgument);
    trace.check_unchanged(5);
}

TEST_CASE("texts of what was imported can be withdrawn, and the trail still holds") {
    Store store;
    OriginalTree tree(store.scratch / "tree");
    const auto failed = tree.add_bare("log", {.status = "failed", .error_message = "Ann Smith's file"});
    (void)store.manager.import_original(tree.root, utc);
    std::vector<std::int64_t> seqs;
    for (const auto& entry : store.manager.audit().get_artifact_history(ArtifactId::parse(failed))) seqs.push_back(entry.seq);
    REQUIRE(seqs.size() == 2);
    (void)store.manager.audit().redact(seqs, {}, "a name");
    CHECK_FALSE(store.manager.get_artifact(ArtifactId::parse(failed))->error_message);
    CHECK(store.manager.verify().findings.empty());
    // A line whose text is gone is known by its id, and doesn't come back; a record by its own.
    const auto again = store.manager.import_original(tree.root, utc);
    CHECK(again.artifacts + again.audit_entries == 0);
}

TEST_CASE("status changes, links and cleanup go on from what was imported") {
    Store store;
    OriginalTree tree(store.scratch / "tree");
    const auto failed = tree.add("log", "x", {.status = "failed", .name = "x.log", .error_message = "codec"});
    const auto other = tree.add("log", "y", {.name = "y.log"});
    (void)store.manager.import_original(tree.root, utc);
    const auto id = ArtifactId::parse(failed);
    CHECK_FALSE(store.manager.update_artifact_status(id, ArtifactStatus::in_progress).error_message);
    (void)store.manager.update_artifact_status(id, ArtifactStatus::failed, "again");
    (void)store.manager.link_artifacts({.source_artifact_ids = {ArtifactId::parse(other)}, .output_artifact_id = id});
    const auto cleaned = store.manager.cleanup_old_artifacts({.older_than_days = 30});
    CHECK(cleaned.removed.size() + cleaned.kept.size() == 2);  // they are of 2024
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("metadata and configurations of any size and depth that the original took are taken, and a dry run says so too") {
    Store store;
    OriginalTree tree(store.scratch / "tree");
    ordered_json deep = 1;
    for (int level = 0; level < 100; ++level) deep = ordered_json{{"in", deep}};
    const ordered_json large = {{"points", std::string(70000, 'x')}, {"deep", deep}};
    const auto id = ArtifactId::parse(tree.add_bare("video_keypoints", {.metadata = large}));
    tree.end_run(tree.start_run(large), "completed");

    for (const auto& report : {ArtifactManager::examine_original(tree.root, utc),
                               store.manager.import_original(tree.root, {.timezone = "UTC", .dry_run = true}),
                               store.manager.import_original(tree.root, utc)}) {
        CHECK(report.artifacts == 1);
        CHECK(report.runs == 1);
        CHECK(told(report, Kind::left_out).empty());
    }
    CHECK((ordered_json::parse(store.manager.get_artifact(id)->metadata_text) == large));
    CHECK((json::parse(store.manager.list_runs({}).at(0).configuration_text) == json::parse(large.dump())));
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("two imports of one tree at once bring each thing in once") {
    Store store;
    const BrokenTree broken(store.scratch / "tree");
    const auto start_import = [&] {
        return start_child([&] {
            ArtifactManager manager(store.base);
            (void)manager.import_original(broken.tree.root, utc);
            return 0;
        });
    };
    const auto first = start_import();
    const auto second = start_import();
    CHECK(wait_for(first) == 0);
    CHECK(wait_for(second) == 0);
    CHECK(store.rows().at("artifacts") == static_cast<std::int64_t>(broken.artifacts));
    CHECK(store.raw().number(
              "SELECT count(*) FROM audit_entries WHERE json_extract(line, '$.details.imported_from') IS NOT NULL") ==
          static_cast<std::int64_t>(broken.lines + broken.fragments));
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("a payload that can't be opened stays behind with its artifact, and comes in once it can") {
    if (::geteuid() == 0) return;  // who may read everything
    Store store;
    OriginalTree tree(store.scratch / "tree");
    const auto locked = tree.add("log", "locked", {.name = "a.log"});
    const auto output = tree.add("log", "made of it", {.sources = {locked}, .name = "b.log"});
    fs::permissions(tree.payload(locked), fs::perms::none);
    const auto report = store.manager.import_original(tree.root, utc);
    CHECK(report.artifacts == 1);
    CHECK(has(told(report, Kind::left_out), "until its payload can be read"));
    fs::permissions(tree.payload(locked), fs::perms::owner_read);
    const auto rest = store.manager.import_original(tree.root, utc);
    CHECK(rest.artifacts == 1);
    CHECK(rest.links == 1);
    CHECK(slurp(*store.manager.get_artifact_file(ArtifactId::parse(locked))) == "locked");
    CHECK(store.manager.verify().findings.empty());

    const auto folder = tree.root / "storage/artifacts/video_raw";
    (void)tree.add("video_raw", "raw");
    fs::permissions(folder, fs::perms::none);
    CHECK_THROWS_AS(store.manager.import_original(tree.root, utc), IoError);
    fs::permissions(folder, fs::perms::owner_all);
    CHECK(store.rows().at("artifacts") == 2);
}
