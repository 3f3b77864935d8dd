#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "manager/support.hpp"
#include "manager/verification.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

struct Attack {
    std::string sql;
    const char* kind;
};

// A closed store with something of everything in it, whole.
void make_store(const std::filesystem::path& base) {
    ArtifactManager manager(base, {.actor = "tester"});
    auto run = manager.start_processing_run({{"a", 1}});
    const auto raw = manager.create_artifact(
        {.type = ArtifactType::text_raw, .content = "text", .file_name = "a.txt", .metadata = {{"pages", 3}}});
    const auto out = manager.create_artifact({.type = ArtifactType::text_deid, .content = "t***", .source_artifacts = {raw.id}});
    manager.update_artifact_status(out.id, ArtifactStatus::failed, "why");
    run.end();
    REQUIRE(manager.verify().findings.empty());
}

}  // namespace

TEST_CASE("a whole store is verified whole, and the verification leaves its entry") {
    Store store;
    const auto raw = store.add(ArtifactType::text_raw, "one");
    (void)store.add(ArtifactType::text_deid, "three", {raw.id});
    (void)store.add_bare();
    const auto report = store.manager.verify();
    CHECK(report.ok());
    CHECK(report.findings.empty());
    CHECK(report.database == "ok");
    CHECK(report.artifacts == 3);
    CHECK(report.payloads == 2);
    CHECK(report.payloads_hashed == 2);
    CHECK(report.bytes_hashed == 8);
    CHECK(report.audit_entries == 4);
    CHECK(report.audited);
    CHECK(store.last_entry().at("action") == "verify");
    CHECK(store.manager.verify({.quick = true}).payloads_hashed == 0);
    CHECK_THROWS_AS((void)store.manager.verify({.sample_percent = 0}), InvalidArgument);
    CHECK_THROWS_AS((void)store.manager.verify({.sample_percent = 101}), InvalidArgument);
    CHECK_THROWS_AS((void)store.manager.verify({.sample_percent = -1}), InvalidArgument);
    CHECK(to_json(report).at("ok") == true);
}

TEST_CASE("every kind of edit in the database is found") {
    const Attack attacks[] = {
        {"UPDATE artifacts SET status = 'archived' WHERE artifact_type = 'text_raw'", "row_altered"},
        {"UPDATE artifacts SET artifact_type = 'log' WHERE artifact_type = 'text_raw'", "row_altered"},
        {"UPDATE artifacts SET created_at = '2020-01-01T00:00:00.000000+00:00'", "row_altered"},
        {"UPDATE artifacts SET processing_module = 'forged'", "row_altered"},
        {"UPDATE artifacts SET file_size = file_size + 1", "row_altered"},
        {"UPDATE artifacts SET checksum = (SELECT digest FROM payloads WHERE digest <> checksum) WHERE artifact_type = "
         "'text_raw'",
         "row_altered"},
        {"UPDATE artifacts SET removed_at = created_at WHERE checksum IS NOT NULL", "row_altered"},
        {"UPDATE artifacts SET metadata = '{\"pages\": 4}' WHERE artifact_type = 'text_raw'", "text_altered"},
        {"UPDATE artifacts SET file_name = 'other.txt' WHERE artifact_type = 'text_raw'", "text_altered"},
        {"UPDATE artifacts SET error_message = 'forged'", "row_altered"},
        {"UPDATE lineage_edges SET relationship = 'forged'", "row_altered"},
        {"DELETE FROM lineage_edges", "row_missing"},
        {"INSERT INTO artifacts (artifact_id, artifact_type, status, created_at, updated_at, metadata) VALUES "
         "('5f0c0000-0000-4000-8000-000000000000', 'log', 'completed', '2026-01-01', '2026-01-01', '{}')",
         "row_unknown"},
        {"DELETE FROM run_artifacts WHERE role = 'output'", "row_missing"},
        {"UPDATE artifact_counts SET artifact_count = artifact_count + 1", "counter_drift"},
        {"UPDATE payload_counts SET size_bytes = size_bytes + 1", "counter_drift"},
        {"DELETE FROM artifact_counts", "counter_drift"},
        {"UPDATE audit_entries SET line = line || ' ' WHERE seq = 2", "entry_altered"},
        {"UPDATE audit_entries SET line = 'no JSON' WHERE seq = 2", "entry_altered"},
        {"UPDATE audit_entries SET line = replace(line, '\"seq\":2', '\"seq\":3') WHERE seq = 2", "entry_altered"},
        {"DELETE FROM audit_entries WHERE seq = 3", "entry_missing"},
        {"UPDATE audit_openings SET text = 'other'", "text_altered"},
        {"UPDATE audit_openings SET salt = zeroblob(16)", "text_altered"},
        {"DELETE FROM artifacts WHERE artifact_type = 'text_raw'", "broken_reference"},
        {"UPDATE payloads SET size_bytes = 1", "payload_altered"},
    };
    const Scratch scratch;
    const auto base = scratch / "store";
    make_store(base);
    for (const auto& attack : attacks) {
        CAPTURE(attack.sql);
        const auto copy = scratch / "copy";
        std::filesystem::remove_all(copy);
        std::filesystem::copy(base, copy, std::filesystem::copy_options::recursive);
        ArtifactManager manager(copy);
        Raw intruder(copy, Raw::As::intruder);
        intruder.run(attack.sql);
        const auto entries = intruder.number("SELECT count(*) FROM audit_entries");
        const auto report = manager.verify();
        CHECK_FALSE(report.ok());
        CHECK(kinds(report).count(attack.kind) >= 1);
        CHECK_FALSE(report.audited);
        CHECK(intruder.number("SELECT count(*) FROM audit_entries") == entries);  // nothing is written to an altered store
    }
}

TEST_CASE("every kind of damage to files is found, and what a crash may leave is a note") {
    Store store;
    const auto good = store.add(ArtifactType::log, "good");
    const auto missing = store.add(ArtifactType::log, "missing");
    const auto shorter = store.add(ArtifactType::log, "shorter");
    const auto edited = store.add(ArtifactType::log, "edited");
    const auto blobs = store.base / "storage" / "blobs";
    std::filesystem::create_directories(blobs / "00");
    std::ofstream(blobs / "00" / std::string(64, '0')) << "orphan";
    std::ofstream(blobs / "stranger.txt") << "?";
    const auto harmless = store.manager.verify();
    CHECK(harmless.ok());
    CHECK(kinds(harmless) == std::multiset<std::string>{"orphan_payload", "stranger"});
    for (const auto& finding : harmless.findings) CHECK(finding.severity == Finding::Severity::note);

    std::filesystem::remove(store.blob(missing));
    tamper(store.blob(shorter), "short");
    tamper(store.blob(edited), "EDITED");
    const auto report = store.manager.verify();
    CHECK(kinds(report) ==
          std::multiset<std::string>{"orphan_payload", "payload_altered", "payload_altered", "payload_missing", "stranger"});
    for (const auto& finding : report.findings) {
        CHECK(finding.subject != good.checksum.value().hex());
        if (finding.kind == "payload_missing") CHECK(finding.subject == missing.checksum.value().hex());
    }
    CHECK(kinds(store.manager.verify({.quick = true})).count("payload_altered") == 1);  // the size tells without hashing
}

TEST_CASE("an altered schema is refused on opening, and told by a diagnosis that writes nothing") {
    const Scratch scratch;
    const auto base = scratch / "store";
    {
        ArtifactManager manager(base);
        (void)manager.create_artifact({.type = ArtifactType::log, .content = "log"});
    }
    Raw(base, Raw::As::writer).run("DROP TRIGGER audit_entries_no_delete; CREATE TABLE extra (x)");
    const auto said = message_of<SchemaAltered>([&] { ArtifactManager manager(base); });
    CHECK(said.find("audit_entries_no_delete") != std::string::npos);
    CHECK(said.find("extra") != std::string::npos);
    ArtifactManager diagnosis(base, {.diagnose = true});
    const auto report = diagnosis.verify();
    CHECK_FALSE(report.ok());
    CHECK(kinds(report).count("schema_altered") == 2);
    for (const auto& finding : report.findings) {
        if (finding.kind == "schema_altered") CHECK(finding.message.find(finding.subject) == std::string::npos);  // said once
    }
    CHECK(said.find("missing trigger audit_entries_no_delete; foreign table extra") != std::string::npos);
    CHECK_FALSE(report.audited);
    CHECK(report.payloads_hashed == 1);
    const auto checks = diagnosis.doctor();
    CHECK(checks.front().name == "schema");
    CHECK(checks.front().severity == Finding::Severity::error);
    CHECK(checks.at(1).name == "catalog");
    CHECK(checks.at(1).message.find("schema was altered") != std::string::npos);
    CHECK(checks.at(1).next_command == "custody verify");
    const auto refusal = message_of<IoError>([&] { (void)diagnosis.create_artifact({.type = ArtifactType::log}); });
    CHECK(refusal.find("(and could not be recorded in the audit trail)") != std::string::npos);
    CHECK(refusal.find("diagnosis only") == refusal.rfind("diagnosis only"));  // the same trouble is said once
    CHECK(Raw(base).number("SELECT count(*) FROM audit_entries") == 2);
}

TEST_CASE("a schema with many alterations is told on one line, the first ten of them") {
    const Scratch scratch;
    const auto base = scratch / "store";
    { const ArtifactManager manager(base); }
    for (int i = 0; i < 13; ++i) Raw(base).run("CREATE TABLE extra_" + std::to_string(i) + " (x)");
    const auto said = message_of<SchemaAltered>([&] { ArtifactManager manager(base); });
    CHECK(said.find('\n') == std::string::npos);
    CHECK(said.find("foreign table extra_0; foreign table extra_1; ") != std::string::npos);
    CHECK(said.find("; and 3 more") != std::string::npos);
}

TEST_CASE("a reference that leads nowhere names its table, with or without row numbers") {
    Store store;
    const auto source = store.add_bare();
    (void)store.add_bare(ArtifactType::log, {source.id});
    store.raw(Raw::As::intruder).run("PRAGMA foreign_keys = OFF; DELETE FROM artifacts WHERE artifact_type = 'metadata'");
    bool found = false;
    for (const auto& finding : store.manager.verify().findings) {
        if (finding.kind != "broken_reference") continue;
        CAPTURE(finding.message);
        CHECK(finding.message.find("  ") == std::string::npos);
        found = found || finding.message == "a row of lineage_edges refers to a missing row of artifacts";
    }
    CHECK(found);
}

TEST_CASE("a verification that its caller stops throws what stopped it, and has an entry that says so") {
    Store store;
    (void)store.add(ArtifactType::log, "log");
    const auto stop = [](std::uint64_t, std::uint64_t) { throw IoError("stopped", EINTR); };
    CHECK(message_of<IoError>([&] { (void)store.manager.verify({.progress = stop}); }) == "stopped");
    CHECK(store.last_entry().at("action") == "verify");
    CHECK(store.last_entry().at("outcome") == "failed");
    CHECK(store.manager.verify().ok());
    // Nothing is written where something was found before.
    store.raw(Raw::As::intruder).run("UPDATE artifact_counts SET artifact_count = artifact_count + 1");
    const auto entries = store.entry_count();
    CHECK_THROWS_AS((void)store.manager.verify({.progress = stop}), IoError);
    CHECK(store.entry_count() == entries);
}

TEST_CASE("what others throw out of a verification is recorded, and comes out as an error of custody") {
    Store store;
    (void)store.add(ArtifactType::log, "log");
    const Trace trace(store);
    const auto stop = [](std::uint64_t, std::uint64_t) { throw std::runtime_error("no progress"); };
    const auto said = message_of<Error>([&] { (void)store.manager.verify({.progress = stop}); });
    CHECK(said.find("no progress") != std::string::npos);
    CHECK(store.last_entry().at("action") == "verify");
    CHECK(store.last_entry().at("outcome") == "failed");
    trace.check_unchanged(1);
}

TEST_CASE("doctor finds a healthy store fine, and says what to do where it is not") {
    Store store;
    const auto severity = [&](const std::string& name) {
        for (const auto& check : store.manager.doctor()) {
            if (check.name == name) return check.severity;
        }
        FAIL(name << " was not checked");
        return Finding::Severity::error;
    };
    for (const auto& check : store.manager.doctor()) {
        CAPTURE(check.name);
        if (check.name != "space") CHECK(check.severity == Finding::Severity::note);
        CHECK_FALSE(check.message.empty());
    }
    std::filesystem::permissions(store.base / "storage", std::filesystem::perms::others_read, std::filesystem::perm_options::add);
    CHECK(severity("permissions") == Finding::Severity::warning);
    store.raw(Raw::As::intruder)
        .run("UPDATE audit_entries SET line = json_set(line, '$.timestamp', '9000-01-01T00:00:00.000000+00:00')");
    CHECK(severity("clock") == Finding::Severity::warning);
    const auto run = store.manager.start_processing_run();
    CHECK(to_json(store.manager.doctor().front()).contains("next_command"));
}

TEST_CASE("a schema that is altered under an open manager is found, and nothing is written to it any more") {
    Store store;
    const auto made = store.add(ArtifactType::log, "log");
    store.raw(Raw::As::writer).run("DROP TRIGGER audit_entries_no_delete");
    CHECK(kinds(store.manager.verify({.quick = true})).count("schema_altered") == 1);
    CHECK(store.manager.doctor().front().severity == Finding::Severity::error);
    const auto entries = store.entry_count();
    CHECK_THROWS_AS((void)store.add_bare(), SchemaAltered);
    CHECK_THROWS_AS(store.manager.update_artifact_status(made.id, ArtifactStatus::archived), SchemaAltered);
    CHECK(store.entry_count() == entries);
    CHECK(store.raw().text("SELECT status FROM artifacts") == "completed");
}

TEST_CASE("payloads that were hashed and found good are marked so, not oftener than each minute, with the entry that says it") {
    Store store;
    const auto good = store.add(ArtifactType::log, "good");
    const auto bad = store.add(ArtifactType::log, "edited");
    const auto verified_at = [&](const Artifact& artifact) {
        return store.raw().text("SELECT verified_at FROM payloads WHERE digest = '" + artifact.checksum.value().hex() + "'");
    };
    // Another time of the file makes a mark due.
    const auto touch = [&](const Artifact& artifact) {
        std::filesystem::last_write_time(store.blob(artifact), std::filesystem::file_time_type::clock::now());
    };
    const auto created = verified_at(good);
    touch(good);
    const auto quick = store.manager.verify({.quick = true});
    CHECK(kinds(quick) == std::multiset<std::string>{"payload_touched"});
    CHECK(quick.ok());
    CHECK(verified_at(good) == created);
    CHECK(store.manager.verify().ok());
    const auto first = verified_at(good);
    CHECK(first > created);
    CHECK(store.last_entry().at("details").at("verified_at") == first);
    CHECK(verified_at(bad) < first);
    CHECK(store.manager.verify().findings.empty());
    CHECK(verified_at(good) == first);
    touch(good);
    CHECK(store.manager.get_artifact_file(good.id, true).has_value());
    CHECK(verified_at(good) > first);
    CHECK(store.last_entry().at("details").at("verified_at") == verified_at(good));
    CHECK(store.manager.verify().findings.empty());
    const auto second = verified_at(good);
    touch(good);
    tamper(store.blob(bad), "EDITED");
    CHECK_FALSE(store.manager.verify().ok());
    CHECK(verified_at(good) == second);
}

TEST_CASE("a time at which a payload was found good is one that the trail has") {
    Store store;
    (void)store.add(ArtifactType::log, "log");
    store.raw(Raw::As::intruder).run("UPDATE payloads SET verified_at = '2020-01-01T00:00:00.000000+00:00'");
    CHECK(kinds(store.manager.verify()) == std::multiset<std::string>{"row_altered"});
}

TEST_CASE("a verification that was interrupted is resumed: what it found good is not hashed again") {
    Store store;
    std::vector<Artifact> all;
    for (int i = 0; i < 5; ++i) all.push_back(store.add(ArtifactType::log, "payload " + std::to_string(i)));
    for (const auto& artifact : all) {
        std::filesystem::last_write_time(store.blob(artifact), std::filesystem::file_time_type::clock::now());
    }
    CHECK(kinds(store.manager.verify({.quick = true, .resume = true})).count("nothing_to_resume") == 1);
    // Stopped at the last of several reports: all that were hashed by then are marked in the entry's transaction.
    const auto stop_at_the_end = [&](std::uint64_t done, std::uint64_t total) {
        if (total != 0 && done == total) throw IoError("stopped", EINTR);
    };
    CHECK_THROWS_AS((void)store.manager.verify({.progress = stop_at_the_end}), IoError);
    const auto details = store.last_entry().at("details");
    CHECK(details.at("payloads_hashed") == 5);
    CHECK(details.contains("verified_at"));
    // One of them is no longer known to be good since then; a new one came.
    (void)store.add(ArtifactType::log, "another");
    const auto resumed = store.manager.verify({.resume = true});
    CHECK(resumed.ok());
    CHECK(resumed.payloads == 6);
    CHECK(resumed.payloads_resumed == 6);  // the new one was hashed when it came
    CHECK(resumed.payloads_hashed == 0);
    CHECK(store.last_entry().at("details").at("started_at") == details.at("started_at"));
    const auto anew = store.manager.verify({.resume = true});
    CHECK(anew.payloads_hashed == 6);
    CHECK(kinds(anew) == std::multiset<std::string>{"nothing_to_resume"});
}

TEST_CASE("a verification that is killed is resumed from what it wrote down last") {
    const Scratch scratch;
    const auto base = scratch / "store";
    {
        ArtifactManager manager(base);
        for (int i = 0; i < 5; ++i) (void)manager.create_artifact({.type = ArtifactType::log, .content = std::to_string(i)});
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(base / "storage/blobs")) {
        if (entry.is_regular_file()) std::filesystem::last_write_time(entry, std::filesystem::file_time_type::clock::now());
    }
    const int code = in_child([&] {
        ManagerImpl manager(manager::layout_of(base), {});
        // What was found good is written down before it is told of.
        const auto die = [](std::uint64_t done, std::uint64_t total) {
            if (total != 0 && done == total) ::_exit(7);
        };
        manager::Verification verification(manager, {.progress = die});
        verification.mark_every(std::chrono::milliseconds(0));
        auto draft = manager.draft("store", "verify");
        (void)verification.recorded(draft);
        return 0;
    });
    CHECK(code == 7);
    ArtifactManager manager(base);
    const auto line = json::parse(Raw(base).text("SELECT line FROM audit_entries ORDER BY seq DESC LIMIT 1"));
    CHECK(line.at("action") == "verify");
    CHECK(line.at("details").at("partial") == true);
    const auto resumed = manager.verify({.resume = true});
    CHECK(resumed.findings.empty());
    CHECK(resumed.payloads_resumed + resumed.payloads_hashed == 5);
    CHECK(resumed.payloads_resumed == line.at("details").at("payloads_hashed"));
    CHECK(resumed.payloads_resumed > 0);
}

TEST_CASE("payloads are hashed by as many threads as are asked for, and progress is told in the caller's alone") {
    Store store;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < 40; ++i) {
        (void)store.add(ArtifactType::log, std::string(1000 * i + 1, static_cast<char>('a' + i % 26)));
        bytes += 1000 * i + 1;
    }
    for (const unsigned threads : {1U, 2U, 7U, 1000U}) {
        std::uint64_t last = 0;
        bool orderly = true;
        const auto caller = std::this_thread::get_id();
        const auto report = store.manager.verify({.threads = threads, .progress = [&](std::uint64_t done, std::uint64_t total) {
                                                      orderly = orderly && std::this_thread::get_id() == caller && done >= last;
                                                      if (total != 0) orderly = orderly && total == bytes;
                                                      last = done;
                                                  }});
        CHECK(report.findings.empty());
        CHECK(report.bytes_hashed == bytes);
        CHECK(last == bytes);
        CHECK(orderly);
    }
}

TEST_CASE("a time that is none in one payload's row doesn't keep the others from being looked at") {
    Store store;
    const auto first = store.add(ArtifactType::log, "first");
    const auto second = store.add(ArtifactType::log, "second");
    store.raw(Raw::As::intruder).run("UPDATE payloads SET verified_at = '2026' WHERE digest = '" + first.checksum->hex() + "'");
    tamper(store.blob(second), "SECOND");
    const auto found = kinds(store.manager.verify());
    CHECK(found.contains("row_altered"));
    CHECK(found.contains("payload_altered"));
    CHECK_FALSE(found.contains("not_checked"));
}
