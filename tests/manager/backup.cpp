// Backups: complete, by content, and never worse than the one before.
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>
#include <utility>

#include "base/hex.hpp"
#include "base/sha256.hpp"
#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

std::multiset<std::string> kinds_of(const std::vector<Finding>& findings) {
    std::multiset<std::string> kinds;
    for (const auto& finding : findings) kinds.insert(finding.kind);
    return kinds;
}

fs::path blob_in(const fs::path& folder, const Artifact& artifact) {
    const auto hex = artifact.checksum.value().hex();
    return folder / "blobs" / hex.substr(0, 2) / hex;
}

json manifest_of(const fs::path& folder) { return json::parse(slurp(folder / "backup.json")); }

}  // namespace

TEST_CASE("a backup has the catalog and its payloads, says which, and leaves one entry with the head") {
    Store store;
    const auto video = store.add(ArtifactType::video_raw, "raw picture");
    const auto folder = store.scratch / "backups/study";
    const auto before = store.entry_count();
    const auto report = store.manager.backup(folder);
    INFO(to_json(report).dump(2));
    CHECK(report.ok());
    CHECK(report.complete);
    CHECK(report.audited);
    CHECK(report.payloads == 1);
    CHECK(report.payloads_copied == 1);
    CHECK(report.bytes_copied == 11);
    CHECK(report.tree_size == static_cast<std::uint64_t>(before));
    CHECK(slurp(blob_in(folder, video)) == "raw picture");
    struct stat status {};
    REQUIRE(::stat(blob_in(folder, video).c_str(), &status) == 0);
    CHECK(status.st_nlink == 1);
    CHECK((status.st_mode & 07777U) == 0400U);
    REQUIRE(::stat(folder.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0700U);

    const auto manifest = manifest_of(folder);
    CHECK(manifest.at("store_id") == store.raw().text("SELECT store_id FROM store"));
    CHECK(manifest.at("tree_size") == before);
    CHECK(manifest.at("root") == report.root->hex());
    CHECK(manifest.at("epoch") == report.epoch);
    CHECK(manifest.at("missing").empty());
    // One file that any client opens, on read-only media too.
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
    CHECK(names == std::set<std::string>{"backup.json", "blobs", "catalog.db"});
    CHECK(shell("sqlite3 'file:" + (folder / "catalog.db").string() +
                "?immutable=1' 'SELECT count(*) FROM artifacts; PRAGMA integrity_check; PRAGMA journal_mode'")
              .out == "1\nok\ndelete\n");

    const auto entries = store.entries("store", "backup");
    REQUIRE(entries.size() == 1);
    CHECK(store.entry_count() == before + 1);
    CHECK(entries[0].at("details").at("tree_size") == before);
    CHECK(entries[0].at("details").at("root") == report.root->hex());
    CHECK(store.manager.verify().ok());
}

TEST_CASE("the next backup copies what is new, and heals with rehash what went bad") {
    Store store;
    const auto first = store.add(ArtifactType::log, "one");
    const auto folder = store.scratch / "kept";
    (void)store.manager.backup(folder);
    (void)store.add(ArtifactType::log, "two");
    auto report = store.manager.backup(folder);
    CHECK(report.ok());
    CHECK(report.payloads == 2);
    CHECK(report.payloads_copied == 1);
    tamper(blob_in(folder, first), "ONE");
    CHECK(store.manager.backup(folder).payloads_copied == 0);
    CHECK(slurp(blob_in(folder, first)) == "ONE");
    report = store.manager.backup(folder, {.rehash = true});
    CHECK(report.payloads_copied == 1);
    CHECK(slurp(blob_in(folder, first)) == "one");
    tamper(blob_in(folder, first), "shorter or longer");
    CHECK(store.manager.backup(folder).payloads_copied == 1);
    CHECK(slurp(blob_in(folder, first)) == "one");
}

TEST_CASE("a backup of the catalog alone has no payloads, and says so") {
    Store store;
    (void)store.add(ArtifactType::log, "one");
    const auto folder = store.scratch / "kept";
    const auto report = store.manager.backup(folder, {.catalog_only = true});
    CHECK(report.ok());
    CHECK(report.payloads_copied == 0);
    CHECK_FALSE(fs::exists(folder / "blobs"));
    CHECK(manifest_of(folder).at("payloads").is_null());
    CHECK(store.manager.backup(folder).payloads_copied == 1);
    const auto before = slurp(folder / "backup.json");
    const auto said = message_of<InvalidArgument>([&] { (void)store.manager.backup(folder, {.catalog_only = true}); });
    CHECK(said.find("name another folder") != std::string::npos);
    CHECK(slurp(folder / "backup.json") == before);
    CHECK(ArtifactManager::restore(folder, store.scratch / "restored", {.reason = "r"}).payloads == 1);
}

TEST_CASE("what a backup that was killed was writing goes with the next one") {
    Store store;
    (void)store.add(ArtifactType::log, "one");
    const auto folder = store.scratch / "kept";
    (void)store.manager.backup(folder);
    (void)store.scratch.file("kept/trash/incoming-" + std::string(32, 'a'), "half a payload");
    const auto stranger = store.scratch.file("kept/trash/stranger", "somebody's");
    (void)store.manager.backup(folder);
    CHECK(fs::exists(stranger));
    fs::remove(stranger);
    (void)store.manager.backup(folder);
    CHECK_FALSE(fs::exists(folder / "trash"));
}

TEST_CASE("a damaged and a missing payload are named, the rest is done, and no entry is written") {
    Store store;
    const auto damaged = store.add(ArtifactType::log, "damaged");
    const auto lost = store.add(ArtifactType::log, "lost");
    const auto good = store.add(ArtifactType::log, "good");
    tamper(store.blob(damaged), "DAMAGED");
    fs::remove(store.blob(lost));
    const auto folder = store.scratch / "kept";
    const auto before = store.entry_count();
    const auto report = store.manager.backup(folder);
    CHECK_FALSE(report.ok());
    CHECK(report.complete);
    CHECK_FALSE(report.audited);
    CHECK(kinds_of(report.findings) == std::multiset<std::string>{"payload_altered", "payload_missing"});
    CHECK(store.entry_count() == before);
    CHECK(slurp(blob_in(folder, good)) == "good");
    CHECK_FALSE(fs::exists(blob_in(folder, damaged)));
    CHECK(manifest_of(folder).at("missing").size() == 2);
}

TEST_CASE("a catalog that is damaged or altered does not take the place of a good one") {
    Store store;
    (void)store.add(ArtifactType::log, "one");
    const auto folder = store.scratch / "kept";
    const auto good = store.manager.backup(folder);
    const auto catalog = slurp(folder / "catalog.db");
    SUBCASE("a line of the trail") {
        store.raw(Raw::As::intruder).run("UPDATE audit_entries SET line = replace(line, 'tester', 'nobody') WHERE seq = 2");
    }
    SUBCASE("the schema") { store.raw().run("DROP VIEW review_errors"); }
    ManagerOptions options;
    options.diagnose = true;
    ArtifactManager looking(store.base, options);
    const auto before = store.raw().number("SELECT count(*) FROM audit_entries");
    const auto report = looking.backup(folder);
    CHECK_FALSE(report.ok());
    CHECK_FALSE(report.complete);
    CHECK_FALSE(report.audited);
    CHECK(slurp(folder / "catalog.db") == catalog);
    CHECK(manifest_of(folder).at("root") == good.root->hex());
    CHECK(fs::exists(folder / "catalog-damaged.db"));
    CHECK(store.raw().number("SELECT count(*) FROM audit_entries") == before);
}

TEST_CASE("a backup that is stopped leaves the one before, and its entry; the next one goes on") {
    Store store;
    (void)store.add(ArtifactType::log, "one");
    const auto folder = store.scratch / "kept";
    (void)store.manager.backup(folder);
    const auto catalog = slurp(folder / "catalog.db");
    (void)store.add(ArtifactType::log, std::string(3U << 20U, 'x'));
    struct Stopped : std::runtime_error {
        using std::runtime_error::runtime_error;
    };
    CHECK_THROWS_AS((void)store.manager.backup(folder, {.progress = [](auto, auto) { throw Stopped("stopped"); }}), Error);
    CHECK(slurp(folder / "catalog.db") == catalog);
    CHECK(store.last_entry().at("outcome") == "failed");
    CHECK(store.last_entry().at("action") == "backup");
    const auto report = store.manager.backup(folder);
    CHECK(report.ok());
    CHECK(report.payloads_copied == 1);
    CHECK_FALSE(fs::exists(folder / "catalog.db.new"));
}

TEST_CASE("a folder that is in the store, another store's, or in use is refused") {
    Store store;
    Store other;
    const auto folder = store.scratch / "kept";
    (void)other.manager.backup(folder);
    CHECK_THROWS_AS((void)store.manager.backup(folder), InvalidArgument);
    CHECK_THROWS_AS((void)store.manager.backup(store.base / "backup"), InvalidArgument);
    CHECK_THROWS_AS((void)store.manager.backup(store.base), InvalidArgument);
    CHECK_THROWS_AS((void)store.manager.backup(""), InvalidArgument);
    (void)store.scratch.file("full/file", "theirs");
    CHECK_THROWS_AS((void)store.manager.backup(store.scratch / "full"), InvalidArgument);
    CHECK(store.last_entry().at("outcome") == "refused");
    CHECK_THROWS_AS((void)store.manager.backup(store.scratch / "full/file"), IoError);
}

TEST_CASE("payloads on another disk are backed up too") {
    Scratch scratch;
    ArtifactManager manager(scratch / "store", {.init = {.payloads = scratch / "elsewhere"}});
    const auto made = manager.create_artifact({.type = ArtifactType::log, .content = "one"});
    CHECK(manager.backup(scratch / "kept").payloads_copied == 1);
    CHECK(slurp(blob_in(scratch / "kept", made)) == "one");
    CHECK_THROWS_AS((void)manager.backup(scratch / "elsewhere/blobs/kept"), InvalidArgument);
}

TEST_CASE("a payload that gets a second name while it is copied is copied all the same") {
    Store store;
    const auto made = store.add(ArtifactType::log, "one");
    bool linked = false;
    const auto report = store.manager.backup(store.scratch / "kept", {.progress = [&](auto, auto) {
                                                 if (!std::exchange(linked, true)) {
                                                     fs::create_hard_link(store.blob(made), store.scratch / "second");
                                                 }
                                             }});
    CHECK(linked);
    CHECK(report.ok());
    CHECK(slurp(blob_in(store.scratch / "kept", made)) == "one");
}

TEST_CASE("while others write and clean up, every payload that a backup names is in it") {
    Store store;
    std::atomic<bool> done = false;
    std::jthread writer([&] {
        for (int i = 0; !done; ++i) {
            (void)store.add(ArtifactType::log, "content " + std::to_string(i));
            if (i % 8 == 7) (void)store.manager.cleanup_old_artifacts({.older_than_days = 0});
        }
    });
    const auto folder = store.scratch / "kept";
    const auto stop = [&](std::atomic<bool>* flag) { *flag = true; };
    const std::unique_ptr<std::atomic<bool>, decltype(stop)> stopped(&done, stop);
    for (int i = 0; i < 12; ++i) {
        const auto report = store.manager.backup(folder);
        INFO(to_json(report).dump(2));
        CHECK(report.ok());
        CHECK(report.complete);
        const auto missing = manifest_of(folder).at("missing").size();
        const auto named = shell("sqlite3 'file:" + (folder / "catalog.db").string() +
                                 "?immutable=1' \"SELECT 'blobs/' || substr(digest, 1, 2) || '/' || digest FROM payloads "
                                 "WHERE state = 'present'\" | (cd '" +
                                 folder.string() + "'; while read f; do test -f $f || echo $f; done) | wc -l");
        CHECK(std::stoul(named.out) == missing);
        CHECK(missing == 0);
    }
}

TEST_CASE("a backup is complete where something is removed during each of its attempts") {
    Store store;
    ArtifactManager other(store.base, {.actor = "cleaner", .lock_timeout = std::chrono::milliseconds(50)});
    int number = 0;
    // Payloads are copied in the order of their digests: while the first is, the second is removed.
    const auto add = [&](ArtifactType type, bool first) {
        std::string content;
        do content = std::to_string(++number);
        while ((base::sha256(content).bytes()[0] < 128) != first);
        (void)other.create_artifact({.type = std::move(type), .content = content});
    };
    const auto add_both = [&] {
        add(ArtifactType::metadata, true);
        add(ArtifactType::log, false);
    };
    int removals = 0;
    int refused = 0;
    const auto disturb = [&](std::uint64_t, std::uint64_t) {
        try {
            (void)other.cleanup_old_artifacts({.older_than_days = 0, .type = ArtifactType::log});
            ++removals;
            add_both();
        } catch (const Busy&) {
            ++refused;
        }
    };
    add_both();
    const auto report = store.manager.backup(store.scratch / "kept", {.progress = disturb});
    INFO(to_json(report).dump(2));
    CHECK(removals >= 9);
    CHECK(refused > 0);
    CHECK(report.findings.empty());
    CHECK(report.complete);
    CHECK(manifest_of(store.scratch / "kept").at("missing").empty());
}
