// What the original got wrong, shown right: rows 17 to 24.

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

TEST_CASE("row 17: a lookup that finds nothing is no error, and what failed is told from what was marked failed") {
    Store store;
    const auto unknown = ArtifactId::random();
    CHECK_FALSE(store.manager.get_artifact(unknown).has_value());
    CHECK(store.last_entry().at("outcome") == "not_found");
    CHECK(store.last_entry().at("success") == true);
    CHECK_FALSE(store.manager.get_artifact_file(unknown).has_value());
    CHECK(store.last_entry().at("success") == true);
    // Lookups whose answer is an exception are lookups all the same.
    const std::vector<std::function<void()>> lookups = {
        [&] { (void)store.manager.open_payload(unknown); },
        [&] { (void)store.manager.checkout(unknown, store.scratch / "copy"); },
        [&] { (void)store.manager.list_artifacts({.after = unknown}); },
        [&] { (void)store.manager.list_artifacts({.run = RunId::random()}); },
    };
    for (const auto& lookup : lookups) {
        CHECK_THROWS_AS(lookup(), NotFound);
        CHECK(store.last_entry().at("outcome") == "not_found");
        CHECK(store.last_entry().at("success") == true);
    }
    const auto artifact = store.add_bare();
    store.manager.update_artifact_status(artifact.id, ArtifactStatus::failed, "codec");
    CHECK(store.last_entry().at("outcome") == "done");
    CHECK(store.last_entry().at("success") == false);
    CHECK(store.manager.audit().get_error_summary().total_errors == 0);
    CHECK(store.manager.get_statistics().total_errors == 0);
    CHECK_THROWS_AS(store.manager.update_artifact_status(unknown, ArtifactStatus::failed, "x"), NotFound);
    CHECK(store.last_entry().at("outcome") == "not_found");
    CHECK(store.last_entry().at("success") == false);
    const auto summary = store.manager.audit().get_error_summary();
    CHECK(summary.total_errors == 1);
    CHECK(summary.errors_by_operation == std::map<std::string, std::uint64_t>{{"artifact_update", 1}});
}

TEST_CASE("row 18: a failed create's entry names no artifact, and a change tells the old status") {
    Store store;
    CHECK_THROWS_AS(
        (void)store.manager.create_artifact({.type = ArtifactType::video_raw, .source_path = store.scratch / "missing.mp4"}),
        SourceNotFound);
    const auto failure = store.last_entry();
    CHECK(failure.at("operation") == "artifact_storage");
    CHECK(failure.at("action") == "store");
    CHECK(failure.at("artifact_id").is_null());
    CHECK(failure.at("success") == false);
    CHECK(failure.at("details").at("artifact_type") == "video_raw");
    const auto artifact = store.add_bare();
    store.manager.update_artifact_status(artifact.id, ArtifactStatus::in_progress);
    CHECK(store.last_entry().at("details").at("old_status") == "completed");
    CHECK(store.last_entry().at("details").at("new_status") == "in_progress");
    // Every id that an entry names resolves to a record.
    CHECK(store.raw().number("SELECT count(*) FROM audit_entries WHERE artifact_id IS NOT NULL AND artifact_id NOT IN "
                             "(SELECT artifact_id FROM artifacts)") == 0);
}

TEST_CASE("row 19: edits and deletions in the trail are refused, and found where they are forced") {
    Store store;
    (void)store.add_bare();
    const std::vector<std::string> attacks = {
        "UPDATE audit_entries SET line = '{}' WHERE seq = 1", "DELETE FROM audit_entries WHERE seq = 2",
        "INSERT OR REPLACE INTO audit_entries (seq, line) VALUES (1, '{}')",
        "INSERT OR REPLACE INTO audit_entries (seq, line) SELECT max(seq), '{}' FROM audit_entries",
        "INSERT INTO audit_entries (seq, line) VALUES (99, '{}')"};
    for (const auto& attack : attacks) {
        CAPTURE(attack);
        CHECK(store.raw().refusal(attack).find("custody_writer") != std::string::npos);
        const auto refusal = store.raw(Raw::As::writer).refusal(attack);
        CHECK((refusal.find("never") != std::string::npos || refusal.find("next number") != std::string::npos));
    }
    CHECK(store.raw().refusal("DELETE FROM artifacts") != "");
    CHECK(store.manager.verify().ok());
    store.raw(Raw::As::intruder).run("DELETE FROM audit_entries WHERE seq = 2");
    CHECK(kinds(store.manager.verify()).count("entry_missing") == 1);
}

TEST_CASE("row 20: cleanup keeps the record true, keeps what others depend on, and refuses negative days") {
    Store store;
    const auto removed = store.add(ArtifactType::video_raw, "old video");
    const auto done = store.add_bare(ArtifactType::video_keypoints, {removed.id});
    const auto needed = store.add(ArtifactType::audio_raw, "old audio");
    const auto waiting = store.manager.create_artifact(
        {.type = ArtifactType::audio_deid, .source_artifacts = {needed.id}, .status = ArtifactStatus::pending});
    const Trace before(store);
    CHECK_THROWS_AS(store.manager.cleanup_old_artifacts({.older_than_days = -1}), InvalidArgument);
    before.check_unchanged();

    const auto report = store.manager.cleanup_old_artifacts({.older_than_days = 0});
    CHECK(report.removed == std::vector{removed.id});
    CHECK(report.removed_files == 1);
    REQUIRE(report.kept.size() == 1);
    CHECK(report.kept[0].id == needed.id);
    CHECK(report.kept[0].reason.find(waiting.id.str()) != std::string::npos);
    const auto record = store.manager.get_artifact(removed.id).value();
    CHECK(record.removed_at.has_value());
    CHECK(record.checksum == removed.checksum);
    CHECK(to_json(record).at("file_path").is_null());
    CHECK_FALSE(store.manager.get_artifact_file(removed.id).has_value());
    CHECK(store.manager.get_artifact_lineage(done.id).value().nodes.back().removed);
    CHECK_FALSE(std::filesystem::exists(store.blob(removed)));
    CHECK(store.manager.verify().ok());
}

TEST_CASE("row 21: a tampered file is not handed out") {
    Store store;
    const auto artifact = store.add(ArtifactType::text_raw, "what was said");
    CHECK(store.manager.get_artifact_file(artifact.id).has_value());
    tamper(store.blob(artifact), "what was SAID");  // the same size
    CHECK_THROWS_AS((void)store.manager.get_artifact_file(artifact.id), Corruption);
    CHECK(store.last_entry().at("action") == "get_file");
    CHECK(store.last_entry().at("outcome") == "failed");
    auto stream = store.manager.open_payload(artifact.id);
    CHECK_THROWS_AS((void)read_all(stream), Corruption);
    CHECK_THROWS_AS(store.manager.checkout(artifact.id, store.scratch / "out.txt"), Corruption);
    CHECK_FALSE(std::filesystem::exists(store.scratch / "out.txt"));
}

TEST_CASE("row 22: the checksum is of the bytes that came in, and nobody waits for a copy") {
    Store store;
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    std::optional<Artifact> slow;
    std::thread copier([&] { slow = store.manager.create_artifact({.type = ArtifactType::text_raw, .source_fd = ends[0]}); });
    REQUIRE(::write(ends[1], "ab", 2) == 2);
    // The copy is under way and waits for its last byte; others write meanwhile.
    ArtifactManager another(store.base, {.lock_timeout = std::chrono::milliseconds(2000)});
    CHECK_NOTHROW((void)another.create_artifact({.type = ArtifactType::metadata}));
    CHECK_NOTHROW((void)store.add_bare());
    CHECK_FALSE(slow.has_value());
    REQUIRE(::write(ends[1], "c", 1) == 1);
    ::close(ends[1]);
    copier.join();
    ::close(ends[0]);
    CHECK(slow.value().checksum.value().hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(slow.value().file_size == 3);
    CHECK(slurp(store.blob(*slow)) == "abc");
}

TEST_CASE("row 23: a symbolic link anywhere in a source's path is refused") {
    Store store;
    const auto source = store.scratch.file("real/clip.mp4", "video");
    std::filesystem::create_symlink(source, store.scratch / "link.mp4");
    std::filesystem::create_directory_symlink(store.scratch / "real", store.scratch / "folder");
    for (const auto& path : {store.scratch / "link.mp4", store.scratch / "folder/clip.mp4"}) {
        const Trace before(store);
        CHECK_THROWS_AS((void)store.manager.create_artifact({.type = ArtifactType::video_raw, .source_path = path}),
                        InvalidArgument);
        before.check_unchanged();
    }
    CHECK_NOTHROW((void)store.manager.create_artifact({.type = ArtifactType::video_raw, .source_path = source}));
}

TEST_CASE("row 24: no id leads out of the store") {
    for (const char* text : {"../../x", "../../../../etc/passwd", "", "5f0c", "00000000-0000-0000-0000-00000000000/"}) {
        CHECK_THROWS_AS((void)ArtifactId::parse(text), InvalidArgument);
        CHECK_FALSE(ArtifactId::try_parse(text).has_value());
    }
    Store store;
    const auto named = store.manager.create_artifact(
        {.type = ArtifactType::text_raw, .content = "text", .file_name = "../../../outside/../x.txt"});
    const auto file = store.manager.get_artifact_file(named.id).value();
    CHECK(file.parent_path() == store.manager.storage_path() / "artifacts" / "text_raw");
    CHECK(file.filename() == named.id.str() + "_x.txt");
}
