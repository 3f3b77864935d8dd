#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "base/sha256.hpp"
#include "blobs/blob_store.hpp"
#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

std::size_t files_below(const fs::path& folder) {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) count += entry.is_regular_file() ? 1 : 0;
    return count;
}

/// A payload without a record, as a create leaves it that dies before its commit.
fs::path leave_orphan(const Store& store) {
    const auto hex = std::string(64, 'a');
    return store.scratch.file("store/storage/blobs/aa/" + hex, "orphan");
}

/// What an earlier version's cleanup left where its second transaction failed: the payload is said to be present, and nobody has
/// it.
void forget_reference(const Store& store, const Artifact& artifact) {
    store.raw(Raw::As::writer)
        .run("UPDATE artifacts SET removed_at = updated_at WHERE artifact_id = '" + artifact.id.str() + "'");
}

std::string state_of(const Store& store, const Artifact& artifact) {
    return store.raw().text("SELECT state FROM payloads WHERE digest = '" + artifact.checksum.value().hex() + "'");
}

}  // namespace

TEST_CASE("gc moves what nothing refers to to the trash, with an entry, and frees it after its grace") {
    Store store;
    const auto kept = store.add(ArtifactType::log, "kept");
    const auto unused = store.add(ArtifactType::log, "unused!");
    forget_reference(store, unused);
    const auto orphan = leave_orphan(store);
    const auto trash = store.base / "storage/trash";

    const auto dry = store.manager.collect_garbage({.dry_run = true});
    CHECK(dry.dry_run);
    CHECK(dry.collected.size() == 2);
    CHECK(dry.collected_bytes == 13);
    CHECK(fs::exists(orphan));
    CHECK(state_of(store, unused) == "present");

    const auto report = store.manager.collect_garbage();
    REQUIRE(report.collected.size() == 2);
    CHECK(report.collected[0].path == store.blob(unused));
    CHECK(report.collected[1].path == orphan);
    CHECK(report.freed.empty());
    REQUIRE(report.left.size() == 2);  // in the trash
    CHECK(report.left[0].reason.rfind("its grace period has ", 0) == 0);
    CHECK_FALSE(fs::exists(orphan));
    CHECK(files_below(trash) == 2);
    CHECK(state_of(store, unused) == "removed");
    const auto entries = store.entries("artifact_storage", "collect");
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].at("details").at("checksums") == json::array({unused.checksum.value().hex()}));
    CHECK(entries[1].at("details").at("orphans") == json::array({std::string(64, 'a')}));
    CHECK(store.last_entry().at("action") == "gc");
    CHECK(store.last_entry().at("details").at("collected_files") == 2);

    const auto freed = store.manager.collect_garbage({.grace = std::chrono::seconds(0)});
    CHECK(freed.freed.size() == 2);
    CHECK(freed.freed_bytes == 13);
    CHECK(freed.left.empty());
    CHECK(files_below(trash) == 0);
    CHECK(slurp(store.manager.get_artifact_file(kept.id).value()) == "kept");
    CHECK_THROWS_AS((void)store.manager.collect_garbage({.grace = std::chrono::seconds(-1)}), InvalidArgument);
    CHECK(store.last_entry().at("outcome") == "refused");
}

TEST_CASE("a payload whose file has gone and which nobody has is put right too") {
    Store store;
    const auto unused = store.add(ArtifactType::log, "unused");
    forget_reference(store, unused);
    fs::remove(store.blob(unused));
    CHECK(store.manager.collect_garbage().collected.size() == 1);
    CHECK(state_of(store, unused) == "removed");
}

TEST_CASE("gc tells of what is nothing of ours, and leaves it") {
    Store store;
    (void)store.add(ArtifactType::log, "x");
    const auto stranger = store.scratch.file("store/storage/blobs/notes.txt", "mine");
    const auto in_trash = store.scratch.file("store/storage/trash/notes.txt", "mine");
    const auto own = store.manager.temp_folder();
    const auto report = store.manager.collect_garbage({.grace = std::chrono::seconds(0)});
    CHECK(report.freed.empty());
    std::map<fs::path, std::string> why;
    for (const auto& item : report.left) why[item.path] = item.reason;
    CHECK(why.size() == 3);
    CHECK(why[stranger] == "this is no payload of ours");
    CHECK(why[in_trash] == "this is nothing of ours");
    CHECK(why[own].rfind("its process is running", 0) == 0);
    CHECK(fs::exists(stranger));
    CHECK(fs::exists(in_trash));
}

TEST_CASE("gc frees the temp folders of dead processes, and named links that an interrupted cleanup left") {
    Store store;
    const auto removed = store.add(ArtifactType::log, "removed");
    const auto link = store.manager.get_artifact_file(removed.id).value();
    fs::create_hard_link(link, link.string() + ".kept");
    (void)store.manager.cleanup_old_artifacts({.older_than_days = 0});
    fs::rename(link.string() + ".kept", link);
    CHECK(in_child([&] {
              ArtifactManager dying(store.base);
              std::ofstream(dying.temp_folder() / "copy.db") << "a catalog";
              ::_exit(0);
              return 1;
          }) == 0);
    ArtifactManager unswept(store.base, {.collecting = true});
    const auto dry = unswept.collect_garbage({.dry_run = true});
    CHECK(dry.freed.size() == 2);
    CHECK(fs::exists(link));
    const auto report = unswept.collect_garbage();
    REQUIRE(report.freed.size() == 2);
    CHECK(report.freed[0].path == link);
    CHECK(report.freed[1].reason == "its process is gone");
    CHECK(report.freed_bytes == 9);
    CHECK_FALSE(fs::exists(link));
    CHECK_FALSE(fs::exists(report.freed[1].path));
}

TEST_CASE("a cleanup that dies between its transactions leaves files that gc finds, and nothing that verify calls lost") {
    Store store;
    const auto one = store.add(ArtifactType::log, "one");
    const auto blob = store.blob(one);
    fs::copy_file(blob, store.scratch / "copy");
    (void)store.manager.cleanup_old_artifacts({.older_than_days = 0});
    fs::rename(store.scratch / "copy", blob);  // as if it had not come to its second transaction
    const auto report = store.manager.verify();
    CHECK(report.ok());
    CHECK(kinds(report).count("orphan_payload") == 1);
    CHECK(store.manager.collect_garbage().collected.size() == 1);
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("a source that was moved in by a create which was killed is nobody's to free: repair puts it back") {
    Store store;
    const auto source = store.scratch.file("source.mp4", "the only copy");
    CHECK(in_child([&] {
              blobs::BlobStore dying(store.base / "storage", {});
              auto staged = dying.stage_file(source, Transfer::move);
              dying.publish(staged, false);
              ::_exit(0);  // between the rename and the commit
              return 1;
          }) == 0);
    REQUIRE_FALSE(fs::exists(source));
    const auto payload =
        store.base / "storage/blobs" / base::sha256("the only copy").hex().substr(0, 2) / base::sha256("the only copy").hex();
    REQUIRE(fs::exists(payload));
    for (const bool dry_run : {true, false}) {
        const auto report = store.manager.collect_garbage({.grace = std::chrono::seconds(0), .dry_run = dry_run});
        CHECK(report.collected.empty());
        CHECK(report.freed.empty());
        REQUIRE(report.left.size() == 1);
        CHECK(report.left[0].path == payload);
        CHECK(report.left[0].reason.find(source.filename().string()) != std::string::npos);
        CHECK(report.left[0].reason.find("custody verify --repair") != std::string::npos);
    }
    CHECK(fs::exists(payload));
    const auto verified = store.manager.verify();
    REQUIRE(verified.findings.size() == 1);
    CHECK(verified.ok());
    CHECK(verified.findings[0].severity == Finding::Severity::warning);
    CHECK(verified.findings[0].kind == "orphan_payload");
    CHECK(verified.findings[0].message.find(source.filename().string()) != std::string::npos);
    SUBCASE("repaired") {
        CHECK(store.manager.repair({.dry_run = true}).repairs.front().kind == "moved_source");
        CHECK_FALSE(fs::exists(source));
        const auto report = store.manager.repair();
        REQUIRE(report.repairs.size() == 1);
        CHECK(report.repairs[0].kind == "moved_source");
        CHECK(report.after.findings.empty());
        CHECK(slurp(source) == "the only copy");
        CHECK(store.entries("store", "repair").back().at("details").at("repaired") == "moved_source");
    }
    SUBCASE("its place was taken: it stays, and is told of") {
        store.scratch.file("source.mp4", "another");
        const auto report = store.manager.repair();
        CHECK(report.repairs.empty());
        CHECK(kinds(report.after) == std::multiset<std::string>{"orphan_payload"});
        CHECK(slurp(payload) == "the only copy");
        CHECK(slurp(source) == "another");
    }
    SUBCASE("brought in after all: the mark means nothing any more, and goes when it is a day old") {
        (void)store.add(ArtifactType::log, "the only copy");
        CHECK(store.manager.verify().findings.empty());
        const auto mark = blobs::BlobStore(store.base / "storage", {}).taken_over().at(0).mark;
        CHECK(store.manager.collect_garbage().freed.empty());
        const std::array<timespec, 2> long_ago{{{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 0}}};
        REQUIRE(::utimensat(AT_FDCWD, mark.c_str(), long_ago.data(), AT_SYMLINK_NOFOLLOW) == 0);
        const auto report = store.manager.collect_garbage();
        REQUIRE(report.freed.size() == 1);
        CHECK(report.freed[0].path == mark);
        CHECK_FALSE(fs::is_symlink(mark));
        CHECK(fs::exists(payload));
    }
}

TEST_CASE("a gc that is stopped is recorded, and the next goes on") {
    Store store;
    (void)leave_orphan(store);
    CHECK_THROWS_AS(
        (void)store.manager.collect_garbage({.progress = [](std::uint64_t, std::uint64_t) { throw IoError("stopped", EINTR); }}),
        IoError);
    CHECK(store.last_entry().at("action") == "gc");
    CHECK(store.last_entry().at("outcome") == "failed");
    CHECK(store.manager.verify().ok());
    CHECK_NOTHROW((void)store.manager.collect_garbage());
}
