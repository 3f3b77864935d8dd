// What verify finds and repair puts right, and what it must leave alone.
#include <unistd.h>

#include <fstream>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

std::multiset<std::string> repaired(const RepairReport& report) {
    std::multiset<std::string> found;
    for (const auto& repair : report.repairs) found.insert(repair.kind);
    return found;
}

std::vector<std::string> trash(const Store& store) {
    std::vector<std::string> contents;
    for (const auto& entry : fs::directory_iterator(store.base / "storage/trash")) contents.push_back(slurp(entry.path()));
    return contents;
}

void write(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
}

}  // namespace

TEST_CASE("a sound store needs no repair, and gets no entry of one") {
    Store store;
    (void)store.add(ArtifactType::log, "log");
    const auto entries = store.entry_count();
    const auto report = store.manager.repair();
    CHECK(report.repairs.empty());
    CHECK(report.after.ok());
    CHECK(store.entry_count() == entries);
}

TEST_CASE("payloads that are missing or damaged are healed from where their content is; the bad ones are kept in trash/") {
    Store store;
    const auto gone = store.add(ArtifactType::log, "the one that is gone");
    const auto shared = store.add(ArtifactType::text_raw, "the one that is gone");
    const auto edited = store.add(ArtifactType::log, "the one that is good");
    const auto lost = store.add(ArtifactType::log, "nobody has this");
    const auto link = store.manager.get_artifact_file(edited.id).value();
    fs::remove(store.blob(gone));
    tamper(store.blob(edited), "the one that is BAD!");
    fs::remove(store.blob(lost));
    const auto from = store.scratch / "backup";
    write(from / "a/b/copy.bin", "the one that is gone");
    write(from / "same size, other", "the one that is g0ne");
    write(from / "c", "the one that is good");
    fs::create_symlink(store.scratch / "nowhere", from / "dangling");
    fs::create_symlink("..", from / "a/loop");

    const auto dry = store.manager.repair({.from = from, .dry_run = true});
    CHECK(repaired(dry) == std::multiset<std::string>{"payload", "payload"});
    CHECK_FALSE(fs::exists(store.blob(gone)));
    CHECK(store.entries("store", "repair").empty());

    const auto without = store.manager.repair();
    CHECK(repaired(without).empty());

    const auto report = store.manager.repair({.from = from});
    CHECK(repaired(report) == std::multiset<std::string>{"link", "payload", "payload"});
    CHECK(slurp(store.blob(gone)) == "the one that is gone");
    CHECK(slurp(store.blob(edited)) == "the one that is good");
    CHECK(slurp(link) == "the one that is good");
    const auto kept = trash(store);
    CHECK(std::count(kept.begin(), kept.end(), "the one that is BAD!") == 2);  // as the payload, and as its named link
    CHECK_FALSE(report.after.ok());
    CHECK(kinds(report.after) == std::multiset<std::string>{"payload_missing"});  // the one that nobody has
    std::set<std::string> checksums;
    for (const auto& entry : store.entries("store", "repair")) {
        const auto& details = entry.at("details");
        if (details.at("repaired") != "payload") continue;
        checksums.insert(details.at("checksum").get<std::string>());
        CHECK(details.at("source_path").get<std::string>().starts_with("sha256:"));
        if (details.at("checksum") == gone.checksum.value().hex()) {
            CHECK(details.at("artifact_ids") == json{gone.id.str(), shared.id.str()});
        }
    }
    CHECK(checksums == std::set<std::string>{gone.checksum.value().hex(), edited.checksum.value().hex()});
    write(from / "d", "nobody has this");
    CHECK(store.manager.repair({.from = from}).after.ok());
    CHECK(store.manager.verify().findings.empty());
    CHECK_THROWS_AS(
        (void)[&] {
            fs::remove(store.blob(lost));
            return store.manager.repair({.from = store.scratch / "no such folder"});
        }(),
        IoError);
}

TEST_CASE("counters are counted anew, orphans go to trash/, links lead to their payloads again") {
    Store store;
    const auto one = store.add(ArtifactType::log, "one");
    const auto two = store.add(ArtifactType::log, "two");
    const auto link_one = store.manager.get_artifact_file(one.id).value();
    const auto link_two = store.manager.get_artifact_file(two.id).value();
    store.raw(Raw::As::intruder)
        .run(
            "UPDATE artifact_counts SET artifact_count = 7; DELETE FROM payload_counts;"
            "INSERT INTO artifact_counts VALUES ('video_raw', 'failed', 0)");
    const std::string orphan(64, '0');
    write(store.base / "storage/blobs/00" / orphan, "orphan");
    fs::remove(link_one);
    fs::remove(link_two);
    write(link_two, "somebody's own");
    write(store.base / "storage/artifacts/log/6b6f1c1e-9d55-4d3c-8b6e-0f4a8c0d1e2f_stale.txt", "stale");
    const auto own = store.base / "storage/artifacts/log/my notes.txt";
    write(own, "nobody else has these");
    const auto found = kinds(store.manager.verify());
    for (const char* kind : {"counter_drift", "orphan_payload", "link_wrong", "link_missing", "link_stale"}) {
        CAPTURE(kind);
        CHECK(found.count(kind) >= 1);
    }
    const auto report = store.manager.repair();
    CHECK(repaired(report) == std::multiset<std::string>{"counters", "link", "link", "link", "orphan"});
    CHECK(kinds(report.after) == std::multiset<std::string>{"link_stale"});
    CHECK(slurp(own) == "nobody else has these");
    CHECK(slurp(link_one) == "one");
    CHECK(slurp(link_two) == "two");
    const auto kept = trash(store);
    for (const char* content : {"orphan", "somebody's own", "stale"}) {
        CAPTURE(content);
        CHECK(std::count(kept.begin(), kept.end(), content) == 1);
    }
    CHECK(store.manager.get_statistics().total_artifacts == 2);
    std::set<std::string> entries;
    for (const auto& entry : store.entries("store", "repair"))
        entries.insert(entry.at("details").at("repaired").get<std::string>());
    CHECK(entries == std::set<std::string>{"counters", "links", "orphans"});
    CHECK(store.manager.repair().repairs.empty());
}

TEST_CASE("what can't be put right is told of, and the rest is put right") {
    Store store;
    const auto one = store.add(ArtifactType::log, "one");
    const auto two = store.add(ArtifactType::log, "two");
    const auto link_one = store.manager.get_artifact_file(one.id).value();
    const auto link_two = store.manager.get_artifact_file(two.id).value();
    fs::remove(link_one);
    fs::create_directory(link_one);
    fs::remove(link_two);
    fs::remove(store.blob(one));
    write(store.scratch / "real/copy", "one");
    fs::create_directory_symlink(store.scratch / "real", store.scratch / "from");
    const auto report = store.manager.repair({.from = store.scratch / "from"});
    CHECK(repaired(report) == std::multiset<std::string>{"link", "payload"});
    CHECK(slurp(store.blob(one)) == "one");
    CHECK(slurp(link_two) == "two");
    REQUIRE(report.failed.size() == 1);
    CHECK(report.failed[0].kind == "link");
    CHECK(report.failed[0].subject == link_one.string());
    CHECK(report.failed[0].message.find("directory") != std::string::npos);
    CHECK(to_json(report).at("failed").size() == 1);
    CHECK(fs::is_directory(link_one));
    CHECK(report.after.ok());
}

TEST_CASE("a schema is put back where every row agrees with the trail, and the store can be used again") {
    Store store;
    (void)store.add(ArtifactType::log, "log");
    store.manager.audit().flush();
    Raw(store.base, Raw::As::writer)
        .run(
            "DROP TRIGGER audit_entries_no_delete; DROP VIEW review_errors; DROP INDEX runs_status; CREATE TABLE extra (x);"
            "CREATE INDEX extra_x ON extra (x); CREATE VIEW other AS SELECT 1; DROP TRIGGER guard_runs_insert;"
            "CREATE TRIGGER guard_runs_insert BEFORE INSERT ON runs BEGIN SELECT 1; END; INSERT INTO extra VALUES (1)");
    ArtifactManager diagnosis(store.base, {.actor = "tester", .diagnose = true});
    const auto dry = diagnosis.repair({.dry_run = true});
    CHECK(repaired(dry) == std::multiset<std::string>{"schema", "schema", "schema", "schema", "schema", "schema", "schema"});
    CHECK_THROWS_AS(ArtifactManager{store.base}, SchemaAltered);
    const auto report = diagnosis.repair();
    CHECK(report.after.findings.empty());
    // What was in the foreign table is not gone.
    const auto kept = shell("sqlite3 '" + (store.base / "storage").string() + "'/catalog.db.v*-* 'SELECT x FROM extra'");
    CHECK(kept.out == "1\n");
    CHECK(std::any_of(report.repairs.begin(), report.repairs.end(),
                      [](const Repair& repair) { return repair.message.find("catalog.db.v") != std::string::npos; }));
    const auto entry = store.last_entry();
    CHECK(entry.at("action") == "repair");
    CHECK(entry.at("details").at("differences").size() == 7);
    CHECK(Raw(store.base).refusal("DELETE FROM audit_entries") != "");
    (void)ArtifactManager(store.base).create_artifact({.type = ArtifactType::log});
    (void)diagnosis.create_artifact({.type = ArtifactType::log});
    CHECK(diagnosis.verify().ok());
}

TEST_CASE("a version number that somebody else has set keeps nobody from saying so, and is put back") {
    Store store;
    (void)store.add(ArtifactType::log, "log");
    store.manager.audit().flush();
    const auto version = Raw(store.base).text("PRAGMA user_version");
    for (const std::string forged : {"99", "1", "0", "-1"}) {
        CAPTURE(forged);
        Raw(store.base).run("PRAGMA user_version = " + forged);
        CHECK_THROWS_AS(ArtifactManager{store.base}, SchemaAltered);
        ArtifactManager diagnosis(store.base, {.diagnose = true});
        const auto report = diagnosis.verify();
        REQUIRE(report.findings.size() == 1);
        CHECK(report.findings.front().kind == "schema_altered");
        CHECK(report.findings.front().subject.find("altered user_version " + forged) == 0);
        const auto checks = diagnosis.doctor();
        CHECK(std::any_of(checks.begin(), checks.end(), [](const DoctorCheck& check) {
            return check.name == "schema" && check.message.find("altered user_version") != std::string::npos;
        }));
        const auto repair = diagnosis.repair();
        CHECK(repaired(repair) == std::multiset<std::string>{"schema"});
        CHECK(repair.after.ok());
        CHECK(Raw(store.base).text("PRAGMA user_version") == version);
        CHECK(ArtifactManager(store.base).verify().ok());
    }
}

TEST_CASE("nothing is repaired by a catalog that doesn't agree with its trail, nor a table that was altered") {
    Store store;
    (void)store.add(ArtifactType::log, "log");
    store.manager.audit().flush();
    SUBCASE("an altered row") {
        Raw(store.base, Raw::As::intruder).run("DROP VIEW review_errors; UPDATE artifacts SET status = 'archived'");
        ArtifactManager diagnosis(store.base, {.diagnose = true});
        const auto report = diagnosis.repair();
        CHECK(report.repairs.empty());
        CHECK(report.refused.find("row_altered") != std::string::npos);
        CHECK_FALSE(report.after.ok());
        CHECK(to_json(report).at("refused") == report.refused);
    }
    SUBCASE("an altered table") {
        Raw(store.base).run("ALTER TABLE holds ADD COLUMN more TEXT");
        ArtifactManager diagnosis(store.base, {.diagnose = true});
        CHECK(message_of<Corruption>([&] { (void)diagnosis.repair(); }).find("table holds") != std::string::npos);
    }
    SUBCASE("a missing table") {
        Raw(store.base).run("DROP TABLE audit_clock");
        ArtifactManager diagnosis(store.base, {.diagnose = true});
        CHECK_FALSE(diagnosis.repair().after.ok());
    }
    const auto entries = Raw(store.base).number("SELECT count(*) FROM audit_entries");
    CHECK(entries == 2);
}
