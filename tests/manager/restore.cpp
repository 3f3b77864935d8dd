// Restoring: whole or not at all, and the trail says that it was done.
#include <sys/stat.h>

#include <fstream>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

std::multiset<std::string> errors_of(const TrailReport& report) {
    std::multiset<std::string> kinds;
    for (const auto& finding : report.findings) {
        if (finding.severity == Finding::Severity::error) kinds.insert(finding.kind);
    }
    return kinds;
}

bool has_note(const TrailReport& report, const std::string& kind) {
    for (const auto& finding : report.findings) {
        if (finding.kind == kind && finding.severity == Finding::Severity::note) return true;
    }
    return false;
}

struct Kept : Store {
    Kept() : folder(scratch / "kept"), restored(scratch / "restored/study") {
        video = add(ArtifactType::video_raw, "raw picture").id;
        deid = add(ArtifactType::video_deid, "blurred picture", {*video}).id;
    }
    RestoreReport restore(RestoreOptions options = {.reason = "the disk failed"}) const {
        return ArtifactManager::restore(folder, restored, options, {.actor = "operator"});
    }
    fs::path folder;
    fs::path restored;
    std::optional<ArtifactId> video{}, deid{};
};

fs::path blob_in(const fs::path& root, const Artifact& artifact) {
    const auto hex = artifact.checksum.value().hex();
    return root / "blobs" / hex.substr(0, 2) / hex;
}

}  // namespace

TEST_CASE("a restored store has everything, begins an epoch, and says what it left") {
    Kept kept;
    const auto made = kept.manager.backup(kept.folder);
    (void)kept.add(ArtifactType::log, "after the backup");
    const auto report = kept.restore();
    CHECK(report.left_epoch == made.epoch);
    CHECK(report.epoch != made.epoch);
    CHECK(report.left_size == made.tree_size);
    CHECK(report.left_root == made.root);
    CHECK(report.payloads == 2);
    CHECK(report.payloads_missing == 0);
    CHECK(report.store_id == made.store_id);

    ArtifactManager manager(kept.restored, {.create = false});
    CHECK(manager.list_artifacts().size() == 2);
    CHECK(manager.get_artifact_lineage(*kept.deid)->nodes.size() == 2);
    const auto file = manager.get_artifact_file(*kept.deid, true);
    REQUIRE(file);
    CHECK(slurp(*file) == "blurred picture");
    const auto verified = manager.verify();
    CHECK(verified.ok());
    CHECK(verified.findings.empty());
    CHECK(errors_of(manager.audit().verify({})).empty());
    struct stat status {};
    REQUIRE(::stat(kept.restored.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0700U);
    CHECK_FALSE(fs::exists(kept.restored / "restore-unfinished"));

    Raw raw(kept.restored);
    const auto first = json::parse(raw.text("SELECT line FROM audit_entries WHERE seq = " + std::to_string(made.tree_size + 1)));
    CHECK(first.at("operation") == "audit_trail");
    CHECK(first.at("action") == "epoch");
    CHECK(first.at("user") == "operator");
    CHECK(first.at("details").at("epoch") == report.epoch);
    CHECK(first.at("details").at("left_epoch") == made.epoch);
    CHECK(first.at("details").at("left_size") == made.tree_size);
    CHECK(first.at("details").at("left_root") == made.root->hex());
    CHECK(first.at("details").at("reason").get<std::string>().starts_with("sha256:"));
    CHECK(raw.text("SELECT text FROM audit_openings WHERE pointer = '/details/reason'") == "the disk failed");
    CHECK(raw.number("SELECT count(*) FROM audit_entries WHERE operation = 'store' AND action = 'restore'") == 1);
    CHECK(raw.text("SELECT epoch FROM store") == report.epoch);
}

TEST_CASE("the copy of a store's folder is restored like a backup") {
    Kept kept;
    kept.manager.audit().flush();
    REQUIRE(shell("cp -a '" + kept.base.string() + "' '" + kept.folder.string() + "'").exit_code == 0);
    const auto report = kept.restore();
    CHECK(report.payloads == 2);
    ArtifactManager manager(kept.restored, {.create = false});
    CHECK(manager.list_artifacts().size() == 2);
    CHECK(manager.verify().ok());
}

TEST_CASE("a store is restored only into a folder that is empty or missing") {
    Kept kept;
    (void)kept.manager.backup(kept.folder);
    fs::create_directories(kept.restored);
    CHECK_NOTHROW((void)kept.restore());
    CHECK(message_of<InvalidArgument>([&] { (void)kept.restore(); }).find("not empty") != std::string::npos);
    CHECK_THROWS_AS((void)ArtifactManager::restore(kept.scratch / "none", kept.scratch / "new", {.reason = "r"}), StoreNotFound);
    CHECK_THROWS_AS((void)ArtifactManager::restore(kept.folder, kept.scratch / "new", {}), InvalidArgument);
    CHECK_FALSE(fs::exists(kept.scratch / "new"));
}

TEST_CASE("what is damaged or incomplete is not restored, and nothing is left behind") {
    Kept kept;
    (void)kept.manager.backup(kept.folder);
    const auto video = kept.manager.get_artifact(*kept.video).value();
    SUBCASE("a payload") {
        tamper(blob_in(kept.folder, video), "RAW PICTURE");
        CHECK(message_of<Corruption>([&] { (void)kept.restore(); }).find(video.checksum->hex()) != std::string::npos);
    }
    SUBCASE("a missing payload") {
        fs::remove(blob_in(kept.folder, video));
        CHECK_THROWS_AS((void)kept.restore(), Corruption);
    }
    SUBCASE("an older catalog in the place of the newer") {
        fs::copy_file(kept.folder / "catalog.db", kept.scratch / "older");
        (void)kept.add(ArtifactType::log, "newer");
        (void)kept.manager.backup(kept.folder);
        fs::copy_file(kept.scratch / "older", kept.folder / "catalog.db", fs::copy_options::overwrite_existing);
        CHECK(message_of<Corruption>([&] { (void)kept.restore(); }).find("backup.json") != std::string::npos);
    }
    SUBCASE("a line of the trail") {
        std::fstream file(kept.folder / "catalog.db", std::ios::in | std::ios::out | std::ios::binary);
        const auto bytes = slurp(kept.folder / "catalog.db");
        const auto at = bytes.find("\"user\":\"tester\"");
        REQUIRE(at != std::string::npos);
        file.seekp(static_cast<std::streamoff>(at) + 8);
        file << 'T';
        file.close();
        CHECK_THROWS_AS((void)kept.restore(), Corruption);
        // By itself too, where no backup.json says which head it had.
        const auto alone = message_of<Corruption>(
            [&] { (void)ArtifactManager::restore(kept.folder / "catalog.db", kept.restored, {.reason = "r"}); });
        CHECK(alone.find("not sound") != std::string::npos);
    }
    SUBCASE("the schema") {
        REQUIRE(shell("sqlite3 '" + (kept.folder / "catalog.db").string() + "' 'DROP VIEW review_errors'").exit_code == 0);
        CHECK(message_of<Corruption>([&] { (void)kept.restore(); }).find("schema_altered") != std::string::npos);
    }
    SUBCASE("a backup that was never completed") {
        fs::remove(kept.folder / "catalog.db");
        std::ofstream(kept.folder / "backup.json") << R"({"version": 1, "store_id": "x", "complete": false})";
        CHECK_THROWS_AS((void)kept.restore(), StoreNotFound);
    }
    CHECK_FALSE(fs::exists(kept.restored));
}

TEST_CASE("that payloads are missing can be accepted, and they are named") {
    Kept kept;
    (void)kept.manager.backup(kept.folder, {.catalog_only = true});
    CHECK(message_of<Corruption>([&] { (void)kept.restore(); }).find("--accept-missing") != std::string::npos);
    const auto report = kept.restore({.reason = "r", .accept_missing = true});
    CHECK(report.payloads_missing == 2);
    CHECK(report.findings.size() == 2);
    ArtifactManager manager(kept.restored, {.create = false});
    CHECK(kinds(manager.verify()) == std::multiset<std::string>{"payload_missing", "payload_missing"});
}

TEST_CASE("payloads go into a folder of their own, and a group's store stays one") {
    Scratch scratch;
    ArtifactManager manager(scratch / "store", {.init = {.group = true, .payloads = scratch / "elsewhere"}});
    const auto made = manager.create_artifact({.type = ArtifactType::log, .content = "one"});
    (void)manager.backup(scratch / "kept");
    CHECK_THROWS_AS(
        (void)ArtifactManager::restore(scratch / "kept", scratch / "second", {.reason = "r", .payloads = scratch / "elsewhere"}),
        InvalidArgument);
    CHECK(slurp(blob_in(scratch / "elsewhere", made)) == "one");
    CHECK_FALSE(fs::exists(scratch / "second"));
    (void)ArtifactManager::restore(scratch / "kept", scratch / "second", {.reason = "r", .payloads = scratch / "other"});
    CHECK(slurp(blob_in(scratch / "other", made)) == "one");
    struct stat status {};
    REQUIRE(::stat((scratch / "second/storage/catalog.db").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0660U);
    REQUIRE(::stat(blob_in(scratch / "other", made).c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0440U);
    // Without the option they come into the store itself.
    (void)ArtifactManager::restore(scratch / "kept", scratch / "third", {.reason = "r"});
    CHECK(slurp(blob_in(scratch / "third/storage", made)) == "one");
    ArtifactManager third(scratch / "third", {.create = false});
    CHECK(third.verify().ok());
}

TEST_CASE("the key in use signs in the new epoch, and a verifier who pinned it goes on") {
    Kept kept;
    const auto key = kept.scratch / "key";
    const auto old_name = kept.manager.audit().make_signing_key(key);
    const auto anchor = kept.scratch / "anchor";
    (void)kept.manager.audit().seal(key, anchor);
    (void)kept.manager.backup(kept.folder);
    (void)kept.restore();
    ArtifactManager manager(kept.restored, {.create = false});
    const auto sealed = manager.audit().seal(key, anchor);
    CHECK(sealed.verifier_key != old_name);
    const auto report = manager.audit().verify({.keys = {old_name}, .anchor = anchor});
    CHECK(errors_of(report).empty());
    CHECK(report.pinned);
    CHECK(report.sealed_entries == sealed.size);
    CHECK(Raw(kept.restored).number("SELECT count(*) FROM audit_keys") == 2);
}

TEST_CASE("a rollback that was declared is a note, a hidden one is an error") {
    Kept kept;
    const auto key = kept.scratch / "key";
    const auto name = kept.manager.audit().make_signing_key(key);
    const auto anchor = kept.scratch / "anchor";
    (void)kept.manager.audit().seal(key, anchor);
    (void)kept.manager.backup(kept.folder);
    kept.manager.audit().flush();
    REQUIRE(shell("cp -a '" + kept.base.string() + "' '" + (kept.scratch / "hidden").string() + "'").exit_code == 0);
    for (int i = 0; i < 20; ++i) (void)kept.add_bare();
    (void)kept.manager.audit().seal(key, anchor);
    (void)kept.restore();
    ArtifactManager declared(kept.restored, {.create = false});
    SUBCASE("what anybody could have declared is an error until it is sealed") {
        for (const auto& keys : {std::vector<std::string>{}, std::vector<std::string>{name}}) {
            CHECK(errors_of(declared.audit().verify({.keys = keys, .anchor = anchor})).contains("rollback_not_sealed"));
        }
        // By a key of whoever declares it, which nothing that was left names.
        (void)declared.audit().make_signing_key(kept.scratch / "own", {}, true);
        (void)declared.audit().seal(kept.scratch / "own");
        (void)declared.audit().export_months({.signing_key = kept.scratch / "own"});
        for (const auto& keys : {std::vector<std::string>{}, std::vector<std::string>{name}}) {
            CHECK(errors_of(declared.audit().verify({.keys = keys, .anchor = anchor})).contains("rollback_not_sealed"));
            CHECK(errors_of(verify_audit_files(kept.restored / "audit", {.keys = keys, .anchor = anchor}))
                      .contains("rollback_not_sealed"));
        }
        // The same seal where only its owner can write vouches for it.
        (void)declared.audit().seal(kept.scratch / "own", anchor);
        CHECK(errors_of(declared.audit().verify({.anchor = anchor})).empty());
    }
    SUBCASE("while the new epoch is shorter") {
        (void)declared.audit().seal(key);
        CHECK(errors_of(declared.audit().verify({.anchor = anchor})).empty());
        const auto report = declared.audit().verify({.keys = {name}, .anchor = anchor});
        CHECK(errors_of(report).empty());
        CHECK(has_note(report, "history_left"));
    }
    SUBCASE("when it has grown beyond the head that was left") {
        for (int i = 0; i < 40; ++i) (void)declared.create_artifact({.type = ArtifactType::metadata});
        (void)declared.audit().seal(key);
        const auto report = declared.audit().verify({.keys = {name}, .anchor = anchor});
        CHECK(errors_of(report).empty());
        CHECK(has_note(report, "history_left"));
        (void)declared.audit().export_months({.signing_key = key});
        const auto files = verify_audit_files(kept.restored / "audit", {.keys = {name}, .anchor = anchor});
        CHECK(errors_of(files).empty());
        CHECK(has_note(files, "history_left"));
        const auto second = shell("python3 " + std::string(CUSTODY_SOURCE_DIR) + "/tools/verify_audit.py --key '" + name + "' '" +
                                  (kept.restored / "audit").string() + "'");
        INFO(second.out << second.err);
        CHECK(second.exit_code == 0);
    }
    SUBCASE("hidden") {
        ArtifactManager hidden(kept.scratch / "hidden", {.create = false});
        CHECK(errors_of(hidden.audit().verify({.keys = {name}, .anchor = anchor})).contains("anchor_ahead"));
        for (int i = 0; i < 40; ++i) (void)hidden.create_artifact({.type = ArtifactType::metadata});
        CHECK(errors_of(hidden.audit().verify({.keys = {name}, .anchor = anchor})).contains("history_rewritten"));
    }
    SUBCASE("an epoch that nobody declared") {
        Raw(kept.restored, Raw::As::intruder).run("UPDATE store SET epoch = '0123456789abcdef'");
        ArtifactManager forged(kept.restored, {.create = false});
        CHECK(errors_of(forged.audit().verify({})).contains("epoch_altered"));
    }
}

TEST_CASE("what a declared rollback left does not excuse what lies below it") {
    Kept kept;
    const auto key = kept.scratch / "key";
    const auto name = kept.manager.audit().make_signing_key(key);
    (void)kept.add_bare();
    (void)kept.manager.backup(kept.folder);
    // Another history of the same store, epoch and key, signed below the head that is left.
    (void)kept.restore();
    const auto anchor = kept.scratch / "anchor";
    {
        // A trail of its own that says it is of this store and epoch, shorter than the head that was left.
        ArtifactManager twin(kept.scratch / "twin");
        twin.audit().flush();
        const auto id = Raw(kept.base).text("SELECT store_id FROM store");
        const auto epoch = Raw(kept.base).text("SELECT epoch FROM store");
        Raw(kept.scratch / "twin", Raw::As::intruder).run("UPDATE store SET store_id = '" + id + "', epoch = '" + epoch + "'");
    }
    {
        ArtifactManager twin(kept.scratch / "twin", {.create = false});
        (void)twin.audit().add_signing_key(key);
        (void)twin.audit().seal(key, anchor);
    }
    ArtifactManager declared(kept.restored, {.create = false});
    CHECK(errors_of(declared.audit().verify({.keys = {name}, .anchor = anchor})).contains("history_rewritten"));
}

TEST_CASE("a backup of what a store was restored from keeps the history that goes on elsewhere") {
    Kept kept;
    (void)kept.manager.backup(kept.folder);
    (void)kept.restore();
    (void)kept.add(ArtifactType::log, "after the backup");
    const auto newer = kept.manager.backup(kept.folder);
    ArtifactManager manager(kept.restored, {.create = false});
    const auto report = manager.backup(kept.folder);
    CHECK(report.ok());
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].kind == "history_kept");
    const auto aside = kept.folder / ("catalog-" + newer.epoch + "-" + std::to_string(newer.tree_size) + "-" +
                                      newer.root.value().hex().substr(0, 16) + ".db");
    REQUIRE(fs::exists(aside));
    const auto back = ArtifactManager::restore(aside, kept.scratch / "back", {.reason = "the wrong one was restored"});
    CHECK(back.left_size == newer.tree_size);
    CHECK(back.payloads == 3);
}

TEST_CASE("of stores that went on differently from one copy, each that a folder of backups leaves behind is kept") {
    Kept kept;
    kept.manager.audit().flush();
    const auto copy = [&](const char* name) {
        REQUIRE(shell("cp -a '" + kept.base.string() + "' '" + (kept.scratch / name).string() + "'").exit_code == 0);
    };
    copy("b");
    copy("c");
    std::set<std::string> roots;
    for (const char* name : {"store", "b", "c"}) {
        ArtifactManager manager(kept.scratch / name, {.actor = "tester"});
        (void)manager.create_artifact({.type = ArtifactType::log, .content = name});
        roots.insert(manager.backup(kept.folder).root.value().hex());
    }
    CHECK(roots.size() == 3);
    std::size_t catalogs = 0;
    for (const auto& entry : fs::directory_iterator(kept.folder)) {
        const auto name = entry.path().filename().string();
        if (!name.starts_with("catalog-")) continue;
        ++catalogs;
        const auto back = ArtifactManager::restore(entry.path(), kept.scratch / ("back-" + name), {.reason = "r"});
        CHECK(roots.erase(back.left_root.value().hex()) == 1);
    }
    CHECK(catalogs == 2);
}

TEST_CASE("runs that were open are ended as lost") {
    Kept kept;
    const auto run = in_child([&] {
        ArtifactManager manager(kept.base, {.create = false});
        auto started = manager.start_processing_run({{"pipeline", "x"}});
        (void)manager.backup(kept.folder);
        ::_exit(0);
        return 0;
    });
    CHECK(run == 0);
    (void)kept.restore();
    Raw raw(kept.restored);
    CHECK(raw.text("SELECT end_reason FROM runs") == "lost");
}
