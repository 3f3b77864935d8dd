// The operations that faults are tried on.
#include "faults/support/operations.hpp"

#include <sys/stat.h>

#include <custody/error.hpp>
#include <numeric>
#include <span>
#include <stdexcept>

#include "base/sha256.hpp"
#include "faults/support/original.hpp"
#include "faults/support/state.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/migrations.hpp"
#include "support/old_store.hpp"

namespace custody::faults {

namespace {

namespace fs = std::filesystem;

std::string bytes(std::size_t count, char first) {
    std::string text(count, first);
    for (std::size_t i = 0; i < count; i += 7) text[i] = static_cast<char>('a' + i % 26);
    return text;
}

const auto raw_content = bytes(30000, 'v');

/// A small store with something in it of every kind that the operations need.
void prepare_store(const World& world) {
    fs::create_directories(world.outside());
    ArtifactManager manager(world.store(), {.actor = "harness"});
    const auto raw = manager.create_artifact({.type = ArtifactType::video_raw, .content = raw_content, .file_name = "raw.mp4"});
    const auto text = manager.create_artifact(
        {.type = ArtifactType::log, .content = "lines of a log", .file_name = "run.log", .metadata = {{"note", "to withdraw"}}});
    const auto facts = manager.create_artifact({.type = ArtifactType::metadata, .metadata = {{"fps", 30}}});
    world.remember("raw", raw.id.str());
    world.remember("text", text.id.str());
    world.remember("facts", facts.id.str());
    (void)world.write("source", bytes(70000, 's'));
    (void)world.write("source2", "another source");
}

// Large enough to be written in the background.
void prepare_large(const World& world) {
    prepare_store(world);
    (void)world.write("large", bytes((std::size_t{4} << 20U) + 4097, 'l'));
}

void prepare_with_key(const World& world) {
    prepare_store(world);
    ArtifactManager manager(world.store(), opening());
    (void)manager.audit().make_signing_key(world.outside("key"));
    fs::create_directories(world.outside("export"));
}

void prepare_with_run(const World& world) {
    prepare_store(world);
    ArtifactManager manager(world.store(), opening());
    auto run = manager.start_processing_run(json::object(), {.time_to_live = std::chrono::hours(1)});
    world.remember("run", run.id().str());
    run.detach();
}

// A policy that lets the log go, and a payload that an interrupted create left.
void prepare_garbage(const World& world) {
    prepare_store(world);
    ArtifactManager manager(world.store(), opening());
    (void)manager.set_retention(ArtifactType::log, {.days = 0});
    const std::string orphan = "no record names this";
    const auto digest = base::sha256(orphan).hex();
    const auto folder = world.store() / "storage/blobs" / digest.substr(0, 2);
    fs::create_directories(folder);
    ::chmod(folder.c_str(), 0700);
    spill(folder / digest, orphan);
    ::chmod((folder / digest).c_str(), 0400);
}

void nothing_but_sources(const World& world) { fs::create_directories(world.outside()); }

// A moved source is in its place or in the store, and never gone from both, nor left there to be freed.
void check_moved(const World& world, bool acknowledged, Problems& problems) {
    const auto content = bytes(70000, 's');
    const auto digest = base::sha256(content).hex();
    const auto payload = world.store() / "storage/blobs" / digest.substr(0, 2) / digest;
    const bool in_place = fs::exists(world.outside("source")) && slurp(world.outside("source")) == content;
    const bool in_store = fs::exists(payload) && slurp(payload) == content;
    if (!in_place && !in_store) problems.emplace_back("the moved source is gone");
    if (!in_place && in_store && !is_kept_payload(world, digest)) problems.emplace_back("the moved source would be freed by gc");
    if (acknowledged && !in_store) problems.emplace_back("the move was acknowledged, and the source is not in the store");
}

// Files that are made for others are whole, wherever they have their name.
void check_months(const World& world, bool acknowledged, Problems& problems) {
    const auto folder = world.outside("export");
    bool lines = false;
    bool proof = false;
    if (fs::exists(folder)) {
        for (const auto& entry : fs::directory_iterator(folder)) {
            const auto name = entry.path().filename().string();
            lines = lines || (name.starts_with("audit_") && name.ends_with(".jsonl"));
            proof = proof || (name.starts_with("audit_") && name.ends_with(".proof.json"));
        }
    }
    if (acknowledged && !(lines && proof)) problems.emplace_back("an export was acknowledged, and its files are not there");
    if (!lines || !proof) return;
    for (const auto& finding : verify_audit_files(folder).findings) {
        if (finding.severity == Finding::Severity::error) problems.push_back("exported files: " + finding.message);
    }
}

void check_snapshot(const World& world, bool acknowledged, Problems& problems) {
    const auto file = world.outside("snapshot.db");
    if (!fs::exists(file)) {
        if (acknowledged) problems.emplace_back("a snapshot was acknowledged, and not there");
        return;
    }
    const auto connection = sqlite::open_connection(file, sqlite::Access::read_only);
    sqlite::Query query(*connection, "PRAGMA integrity_check");
    if (!query.step() || query.text(0) != "ok") problems.emplace_back("the snapshot is not whole");
}

void check_checkout(const World& world, bool acknowledged, Problems& problems) {
    const auto file = world.outside("copy.mp4");
    if (acknowledged && !fs::exists(file)) problems.emplace_back("a checkout was acknowledged, and its file is not there");
    if (fs::exists(file) && slurp(file) != raw_content) problems.emplace_back("half a checked out file has its name");
}

void check_key(const World& world, bool acknowledged, Problems& problems) {
    if (acknowledged && !fs::exists(world.outside("new-key")))
        problems.emplace_back("a key was acknowledged, and its file is not there");
}

void prepare_backup(const World& world) {
    prepare_store(world);
    ArtifactManager(world.store(), opening()).backup(world.outside("backup"));
    fs::remove_all(world.store());
}

// A backup that was acknowledged can be restored.
void check_backup(const World& world, bool acknowledged, Problems& problems) {
    if (!acknowledged) return;
    (void)ArtifactManager::restore(world.outside("backup"), world.outside("restored"), {.reason = "tried"});
    ArtifactManager restored(world.outside("restored"), opening());
    if (!restored.verify().ok()) problems.emplace_back("what was restored from the backup does not verify");
}

std::vector<Operation> make_table() {
    return {
        {"add",
         {1},
         prepare_store,
         [](const World& world, ArtifactManager& manager) {
             (void)manager.create_artifact({.type = ArtifactType::video_keypoints,
                                            .source_path = world.outside("source"),
                                            .source_artifacts = {world.artifact("raw")},
                                            .request_key = "once"});
         }},
        {"add-large",
         {1},
         prepare_large,
         [](const World& world, ArtifactManager& manager) {
             (void)manager.create_artifact({.type = ArtifactType::video_raw, .source_path = world.outside("large")});
         }},
        {"add-duplicate",
         {1},
         prepare_store,
         [](const World&, ArtifactManager& manager) {
             (void)manager.create_artifact({.type = ArtifactType::video_raw, .content = raw_content, .file_name = "again.mp4"});
         }},
        {"add-batch",
         {4},
         prepare_store,
         [](const World& world, ArtifactManager& manager) {
             const std::vector<NewArtifact> batch{
                 {.type = ArtifactType::log, .source_path = world.outside("source")},
                 {.type = ArtifactType::log, .source_path = world.outside("source2")},
                 {.type = ArtifactType::log, .source_path = world.outside("source")},
                 {.type = ArtifactType::metadata, .metadata = {{"frames", 900}}},
             };
             (void)manager.create_artifacts(batch);
         }},
        {"add-many",  // enough that one sync of the file system takes the place of each file's own
         {10},
         prepare_store,
         [](const World& world, ArtifactManager& manager) {
             std::vector<NewArtifact> batch(8, {.type = ArtifactType::log});
             for (std::size_t i = 0; i < batch.size(); ++i) batch[i].content = "payload " + std::to_string(i / 2 * 2);
             batch.push_back({.type = ArtifactType::log, .source_path = world.outside("source")});
             batch.push_back({.type = ArtifactType::log, .source_path = world.outside("source2")});
             (void)manager.create_artifacts(batch);
         }},
        {"add-move",
         {1},
         prepare_store,
         [](const World& world, ArtifactManager& manager) {
             (void)manager.create_artifact(
                 {.type = ArtifactType::log, .source_path = world.outside("source"), .transfer = Transfer::move});
         },
         {},
         check_moved},
        {"link",
         {1},
         prepare_store,
         [](const World& world, ArtifactManager& manager) {
             (void)manager.link_artifacts({.source_artifact_ids = {world.artifact("raw"), world.artifact("facts")},
                                           .output_artifact_id = world.artifact("text")});
         }},
        {"status",
         {1},
         prepare_store,
         [](const World& world, ArtifactManager& manager) {
             (void)manager.update_artifact_status(world.artifact("raw"), ArtifactStatus::failed, "the codec is unknown");
         }},
        {"hold",
         {1},
         prepare_store,
         [](const World& world, ArtifactManager& manager) { (void)manager.add_hold(world.artifact("raw"), "a request"); }},
        {"type",
         {1},
         prepare_store,
         [](const World&, ArtifactManager& manager) {
             manager.register_artifact_type(ArtifactType("depth_map"), Sensitivity::identified);
         }},
        {.name = "run-start",
         .entries = {1},
         .prepare = prepare_store,
         .run =
             [](const World&, ArtifactManager& manager) {
                 manager.start_processing_run({{"pipeline", "faults"}}, {.time_to_live = std::chrono::hours(1)}).detach();
             },
         .goes_on_after_entry = true},  // there may be no memory for the handle
        {"run-end",
         {1},
         prepare_with_run,
         [](const World& world, ArtifactManager& manager) {
             manager.end_processing_run(RunId::parse(world.recall("run")), ArtifactStatus::failed, "stopped");
         }},
        {"cleanup",  // of one artifact: how many fit into a transaction is a matter of time
         {2, 1},
         prepare_store,
         [](const World&, ArtifactManager& manager) {
             (void)manager.cleanup_old_artifacts({.older_than_days = 0, .type = ArtifactType::log});
         }},
        {"gc",
         {2, 1, 1},  // what the policy removes, what no record names, the whole
         prepare_garbage,
         [](const World&, ArtifactManager& manager) { (void)manager.collect_garbage({.grace = std::chrono::seconds(0)}); }},
        {"retention",
         {1},
         prepare_store,
         [](const World&, ArtifactManager& manager) {
             (void)manager.set_retention(ArtifactType::log, {.days = 30, .reason = "the study's plan"});
         }},
        {"export",
         {1},
         prepare_with_key,
         [](const World& world, ArtifactManager& manager) {
             (void)manager.audit().export_months({.folder = world.outside("export"), .signing_key = world.outside("key")});
         },
         {},
         check_months,
         false,
         true},
        {"keygen",
         {1},
         prepare_store,
         [](const World& world, ArtifactManager& manager) { (void)manager.audit().make_signing_key(world.outside("new-key")); },
         {},
         check_key},
        {"seal",
         {1},
         prepare_with_key,
         [](const World& world, ArtifactManager& manager) {
             (void)manager.audit().seal(world.outside("key"), world.outside("anchor"));
         },
         {},
         {},
         false,
         true},
        {.name = "redact",
         .entries = {1},
         .prepare = prepare_store,
         .run = [](const World&, ArtifactManager& manager) { (void)manager.audit().redact({3}, "", "names a patient"); },
         .goes_on_after_entry = true},
        {"snapshot",
         {1},
         prepare_store,
         [](const World& world, ArtifactManager& manager) { (void)manager.snapshot(world.outside("snapshot.db")); },
         {},
         check_snapshot,
         false,
         true},
        {"checkout",
         {1},
         prepare_store,
         [](const World& world, ArtifactManager& manager) {
             (void)manager.checkout(world.artifact("raw"), world.outside("copy.mp4"));
         },
         {},
         check_checkout,
         false,
         true},
        {.name = "verify",
         .entries = {1},
         .prepare = prepare_store,
         .run =
             [](const World&, ArtifactManager& manager) {
                 const auto report = manager.verify();
                 if (!report.ok() || !report.audited) throw IoError("can't verify: " + report.findings.front().message, 0);
             },
         .has_no_entry_of_failure = true},
        {.name = "backup",
         .entries = {1},
         .prepare = prepare_store,
         .run =
             [](const World& world, ArtifactManager& manager) {
                 const auto report = manager.backup(world.outside("backup"));
                 if (report.findings.empty() && report.complete && report.audited) return;
                 throw IoError("can't back up: " + report.findings.front().message, 0);
             },
         .check = check_backup,
         .goes_on_after_entry = true,
         .has_no_entry_of_failure = true},  // of what it can't read it makes a finding
        {.name = "restore",
         .entries = {6},  // those of the backup, and that of the restore
         .prepare = prepare_backup,
         .run_alone =
             [](const World& world) {
                 std::error_code ignored;
                 if (fs::exists(world.store() / "storage/catalog.db", ignored)) return;  // it got that far
                 (void)ArtifactManager::restore(world.outside("backup"), world.store(), {.reason = "the disk broke"});
             }},
        {.name = "import original",
         .entries = {2, 2, 3, 1},  // the run, the artifacts, the entries, and what tells of all of them
         .prepare =
             [](const World& world) {
                 prepare_store(world);
                 write_original(world);
             },
         .run =
             [](const World& world, ArtifactManager& manager) {
                 const auto report = manager.import_original(world.outside("tree"), {.timezone = "UTC"});
                 if (!report.ok()) throw IoError("can't import: " + report.remarks.front().message, 0);
             },
         .check = check_original,
         .has_no_entry_of_failure = true,
         .leaves_out = true},
        {.name = "export original",
         .entries = {2, 1},  // the payloads that are handed out, and the export
         .prepare = prepare_store,
         .run = [](const World& world,
                   ArtifactManager& manager) { (void)manager.export_original(world.outside("tree"), {.timezone = "UTC"}); },
         .check = check_exported,
         .goes_on_after_entry = true},
        {.name = "init",
         .entries = {1},
         .prepare = nothing_but_sources,
         .run_alone = [](const World& world) { ArtifactManager::init(world.store()); }},
        {.name = "init with payloads elsewhere",  // a folder that is claimed for the store before there is one
         .entries = {1},
         .prepare = nothing_but_sources,
         .run_alone = [](const World& world) { ArtifactManager::init(world.store(), {.payloads = world.outside("payloads")}); }},
        {.name = "migrate",
         .entries = {1},
         .prepare =
             [](const World& world) {
                 fs::create_directories(world.outside());
                 testing::make_old_store(world.store(), 1);
             },
         .run_alone = [](const World& world) { (void)ArtifactManager::migrate(world.store()); },
         .has_silent_steps = true},
    };
}

}  // namespace

int Operation::all_entries() const { return std::accumulate(entries.begin(), entries.end(), 0); }

const std::vector<Operation>& operations() {
    static const auto table = make_table();
    return table;
}

const Operation& operation(const std::string& name) {
    for (const auto& one : operations()) {
        if (one.name == name) return one;
    }
    throw std::out_of_range("no operation " + name);
}

}  // namespace custody::faults
