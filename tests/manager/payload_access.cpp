#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

TEST_CASE("a payload is handed out under its own name, by a path that stays") {
    Store store;
    const auto made =
        store.manager.create_artifact({.type = ArtifactType::video_raw, .content = "video", .file_name = "Müller 1.MP4"});
    const auto file = store.manager.get_artifact_file(made.id).value();
    CHECK(file.is_absolute());
    CHECK(file.extension() == ".MP4");
    CHECK(file.filename().string().rfind(made.id.str() + "_M", 0) == 0);
    CHECK(file.filename().string().find(' ') == std::string::npos);
    CHECK(slurp(file) == "video");
    CHECK(store.last_entry().at("action") == "get_file");
    CHECK(store.manager.get_artifact_file(made.id, true) == file);
    std::filesystem::remove(file);  // it is a view: made anew
    CHECK(store.manager.get_artifact_file(made.id) == file);
    CHECK(slurp(file) == "video");
}

TEST_CASE("there is no file for what is unknown, bare or removed, and the entry says which") {
    Store store;
    const auto bare = store.add_bare();
    const auto removed = store.add(ArtifactType::log, "old");
    const auto file = store.manager.get_artifact_file(removed.id).value();
    (void)store.manager.cleanup_old_artifacts({.older_than_days = 0});
    CHECK_FALSE(std::filesystem::exists(std::filesystem::symlink_status(file)));
    const std::vector<std::pair<ArtifactId, const char*>> absent = {
        {ArtifactId::random(), "unknown_artifact"}, {bare.id, "no_payload"}, {removed.id, "payload_removed"}};
    for (const auto& [id, reason] : absent) {
        CHECK_FALSE(store.manager.get_artifact_file(id).has_value());
        CHECK(store.last_entry().at("outcome") == "not_found");
        CHECK(store.last_entry().at("details").at("reason_code") == reason);
    }
    CHECK_THROWS_AS((void)store.manager.open_payload(absent[0].first), NotFound);
    CHECK_THROWS_AS((void)store.manager.open_payload(bare.id), Conflict);
    CHECK_THROWS_AS((void)store.manager.checkout(removed.id, store.scratch / "out"), Conflict);
    CHECK_FALSE(std::filesystem::exists(store.scratch / "out"));
}

TEST_CASE("a file that was touched is hashed again, and a good one is trusted from then on") {
    Store store;
    const auto made = store.add(ArtifactType::log, "log");
    const auto verified = [&] { return store.raw().text("SELECT verified_at FROM payloads"); };
    const auto first = verified();
    (void)store.manager.get_artifact_file(made.id);
    CHECK(verified() == first);  // untouched: nothing to hash
    const timespec times[2] = {{1000000000, 0}, {1000000000, 5}};
    REQUIRE(::utimensat(AT_FDCWD, store.blob(made).c_str(), times, 0) == 0);
    CHECK(store.manager.get_artifact_file(made.id).has_value());
    const auto second = verified();
    CHECK(second > first);
    CHECK(store.raw().number("SELECT mtime_ns FROM payloads") == 1000000000000000005);
    (void)store.manager.get_artifact_file(made.id);
    CHECK(verified() == second);
}

TEST_CASE("with verify, content that was changed under the same size and time is found too") {
    Store store;
    const auto made = store.add(ArtifactType::log, "content");
    struct stat before {};
    REQUIRE(::stat(store.blob(made).c_str(), &before) == 0);
    tamper(store.blob(made), "CONTENT");
    const timespec times[2] = {before.st_atim, before.st_mtim};
    REQUIRE(::utimensat(AT_FDCWD, store.blob(made).c_str(), times, 0) == 0);
    CHECK_THROWS_AS((void)store.manager.get_artifact_file(made.id, true), Corruption);
    CHECK(store.last_entry().at("success") == false);
    CHECK_THROWS_AS((void)store.manager.checkout(made.id, store.scratch / "copy"), Corruption);
    CHECK_FALSE(std::filesystem::exists(store.scratch / "copy"));
}

TEST_CASE("a payload that is missing, shorter or longer is an error, and healed when the content comes again") {
    Store store;
    const auto made = store.add(ArtifactType::log, "content");
    const auto blob = store.blob(made);
    const auto refused = [&] {
        CHECK_THROWS_AS((void)store.manager.get_artifact_file(made.id), Corruption);
        CHECK_THROWS_AS((void)store.manager.open_payload(made.id), Corruption);
        CHECK(store.last_entry().at("outcome") == "failed");
    };
    tamper(blob, "cont");
    refused();
    tamper(blob, "content and more");
    refused();
    std::filesystem::remove(blob);
    refused();
    tamper(blob, "CONTENT");
    (void)store.add(ArtifactType::log, "content");
    CHECK(store.entries("artifact_storage", "heal").size() == 1);
    CHECK(slurp(store.manager.get_artifact_file(made.id).value()) == "content");
    CHECK(store.manager.verify().ok());
}

TEST_CASE("a stream hands out every byte, its last only where the whole is right") {
    Store store;
    const std::string content(100000, 'x');
    const auto made = store.add(ArtifactType::log, content);
    auto stream = store.manager.open_payload(made.id);
    CHECK(stream.size_bytes() == content.size());
    CHECK(stream.checksum() == made.checksum);
    CHECK(read_all(stream) == content);
    auto empty = store.manager.open_payload(store.add(ArtifactType::log, "").id);
    CHECK(read_all(empty).empty());
    // Changed while it is read, after it was opened.
    auto opened = store.manager.open_payload(made.id);
    std::vector<std::byte> buffer(50000);
    CHECK(opened.read(buffer) == buffer.size());
    tamper(store.blob(made), std::string(99999, 'x') + "y");
    CHECK_THROWS_AS((void)opened.read(buffer), Corruption);
}

TEST_CASE("a checkout makes a new file, in a folder under its own name, and overwrites nothing") {
    Store store;
    const auto made = store.manager.create_artifact({.type = ArtifactType::log, .content = "log", .file_name = "a.log"});
    CHECK(slurp(store.manager.checkout(made.id, store.scratch / "copy.log")) == "log");
    const auto inside = store.manager.checkout(made.id, store.scratch.path());
    CHECK(inside.parent_path() == store.scratch.path());
    CHECK(inside.filename() == made.id.str() + "_a.log");
    const auto kept = store.scratch.file("kept.log", "mine");
    CHECK_THROWS_AS((void)store.manager.checkout(made.id, kept), IoError);
    CHECK(slurp(kept) == "mine");
    std::filesystem::create_symlink(store.scratch / "elsewhere", store.scratch / "dangling");
    CHECK_THROWS_AS((void)store.manager.checkout(made.id, store.scratch / "dangling"), IoError);
    CHECK_FALSE(std::filesystem::exists(store.scratch / "elsewhere"));
    CHECK_THROWS_AS((void)store.manager.checkout(made.id, store.scratch / "no/such/folder/x"), IoError);
    // The copy is the caller's: an edit there does not reach the store.
    std::ofstream(store.scratch / "copy.log") << "edited";
    CHECK(slurp(store.blob(made)) == "log");
}

TEST_CASE("handing out is recorded though entries of reads are switched off, and nothing else is") {
    Store store({.enable_audit = false});
    const auto made = store.add(ArtifactType::log, "log");
    const auto entries = store.entry_count();
    (void)store.manager.get_artifact(made.id);
    (void)store.manager.list_artifacts();
    (void)store.manager.get_artifact_lineage(made.id);
    (void)store.manager.get_statistics();
    (void)store.manager.audit().query_audit_trail();
    (void)store.manager.sql("SELECT 1");
    (void)store.manager.get_artifact(ArtifactId::random());
    CHECK(store.entry_count() == entries);
    (void)store.manager.get_artifact_file(made.id);
    (void)store.manager.open_payload(made.id);
    (void)store.manager.checkout(made.id, store.scratch / "copy");
    CHECK(store.entry_count() == entries + 3);
    store.manager.update_artifact_status(made.id, ArtifactStatus::failed);
    CHECK(store.entry_count() == entries + 4);
}

TEST_CASE("a path is recorded before its link is made, and a link that can't be made is recorded too") {
    Store store({.lock_timeout = std::chrono::milliseconds(150)});
    const auto made = store.add(ArtifactType::log, "log");
    {
        auto raw = store.raw();
        raw.run("BEGIN IMMEDIATE");
        CHECK_THROWS_AS((void)store.manager.get_artifact_file(made.id), Busy);
        CHECK_FALSE(std::filesystem::exists(store.base / "storage" / made.file_path));
        raw.run("ROLLBACK");
    }
    store.scratch.file("store/storage/artifacts/log", "a file in the folder's place");
    CHECK_THROWS_AS((void)store.manager.get_artifact_file(made.id), IoError);
    const auto entries = store.entries("artifact_access", "get_file");
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].at("outcome") == "done");
    CHECK(entries[1].at("outcome") == "failed");
}
