// Keys, seals and what a verification says of them.
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "audit/checkpoints.hpp"
#include "audit/note.hpp"
#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

std::multiset<std::string> kinds_of(const TrailReport& report) {
    std::multiset<std::string> kinds;
    for (const auto& finding : report.findings) {
        if (finding.severity == Finding::Severity::error) kinds.insert(finding.kind);
    }
    return kinds;
}

fs::path key_file(const Store& store, const std::string& name = "key") { return store.scratch / name; }

}  // namespace

TEST_CASE("a key is made once, for its owner alone, outside of the store, and is named in the trail") {
    Store store;
    auto trail = store.manager.audit();
    const auto key = trail.make_signing_key(key_file(store));
    struct stat status {};
    REQUIRE(::stat(key_file(store).c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0600U);
    CHECK(slurp(key_file(store)).starts_with("-----BEGIN PRIVATE KEY-----\n"));
    const auto parsed = audit::VerifierKey::parse(key);
    REQUIRE(parsed);
    CHECK(parsed->name ==
          "custody/" + store.raw().text("SELECT store_id FROM store") + "/" + store.raw().text("SELECT epoch FROM store"));
    CHECK(store.last_entry().at("operation") == "audit_trail");
    CHECK(store.last_entry().at("action") == "key");
    CHECK(store.last_entry().at("details").at("verifier_key") == key);
    CHECK(store.raw().text("SELECT verifier_key FROM audit_keys") == key);

    CHECK(message_of<IoError>([&] { (void)trail.make_signing_key(key_file(store), {}, true); }).find("exists") !=
          std::string::npos);
    CHECK_THROWS_AS((void)trail.make_signing_key(store.base / "key"), InvalidArgument);
    CHECK_THROWS_AS((void)trail.make_signing_key(store.base / "storage/temp/key"), InvalidArgument);
    CHECK_FALSE(fs::exists(store.base / "key"));
    CHECK_THROWS_AS((void)trail.add_signing_key(key_file(store), key_file(store)), Conflict);
}

TEST_CASE("a key file that others may read, or that is none, is refused") {
    Store store;
    auto trail = store.manager.audit();
    (void)trail.make_signing_key(key_file(store));
    REQUIRE(::chmod(key_file(store).c_str(), 0640) == 0);
    CHECK(message_of<InvalidArgument>([&] { (void)trail.seal(key_file(store)); }).find("chmod 600") != std::string::npos);
    REQUIRE(::chmod(key_file(store).c_str(), 0600) == 0);
    CHECK_NOTHROW((void)trail.seal(key_file(store)));
    auto pem = slurp(key_file(store));
    for (const auto& wrong :
         {std::string(), pem.substr(0, pem.size() - 1), pem + "x", std::string("not a key"), std::string(4096, 'a')}) {
        const auto file = store.scratch.file("wrong", wrong);
        REQUIRE(::chmod(file.c_str(), 0600) == 0);
        CHECK_THROWS_AS((void)trail.seal(file), InvalidArgument);
    }
    CHECK_THROWS_AS((void)trail.seal(store.scratch / "missing"), IoError);
    CHECK_THROWS_AS((void)trail.seal(), InvalidArgument);
    CHECK_THROWS_AS((void)trail.seal(store.scratch.path()), InvalidArgument);
}

TEST_CASE("the key's file is what other tools write, and the other way round") {
    if (std::system("command -v openssl >/dev/null") != 0) return;
    Store store;
    auto trail = store.manager.audit();
    const auto file = store.scratch / "theirs";
    REQUIRE(shell("umask 077; openssl genpkey -algorithm ed25519 -out '" + file.string() + "'").exit_code == 0);
    const auto key = trail.add_signing_key(file);
    const auto theirs =
        shell("openssl pkey -in '" + file.string() + "' -pubout -outform DER | tail -c 32 | od -An -tx1 | tr -d ' \\n'").out;
    CHECK(store.raw().text("SELECT public_key FROM audit_keys") == theirs);
    CHECK_NOTHROW((void)trail.seal(file));
}

TEST_CASE("a seal covers its own entry, and verification says how far it reaches and by whose key") {
    Store store;
    auto trail = store.manager.audit();
    (void)store.add_bare();
    const auto unsealed = trail.verify({});
    CHECK(unsealed.ok());
    CHECK(unsealed.sealed_entries == 0);
    CHECK(unsealed.statement().find("not sealed") == 0);
    const auto key = trail.make_signing_key(key_file(store));
    const auto seal = trail.seal(key_file(store));
    CHECK(seal.size == static_cast<std::uint64_t>(store.entry_count()));
    CHECK(seal.verifier_key == key);
    const auto note = audit::SignedCheckpoint::parse(seal.note);
    REQUIRE(note);
    CHECK(note->signed_by(*audit::VerifierKey::parse(key)));
    (void)store.add_bare();
    const auto report = trail.verify({.keys = {key}});
    CHECK(report.ok());
    CHECK(report.sealed_entries == seal.size);
    CHECK(report.pinned);
    CHECK(report.sealed_by == key);
    CHECK(report.entries_after == 1);
    CHECK(report.audited);
    CHECK(report.statement() ==
          "sealed to entry " + std::to_string(seal.size) + ", of time " +
              store.raw().text("SELECT timestamp FROM audit_entries WHERE seq = " + std::to_string(seal.size)) + ", by key " +
              key + " (pinned by --key); 1 entry after it");
    CHECK(trail.verify({}).statement().find("(not pinned)") != std::string::npos);
    CHECK(store.last_entry().at("action") == "verify");
    CHECK_THROWS_AS((void)trail.verify({.keys = {"nonsense"}}), InvalidArgument);
}

TEST_CASE("a new key is named by the old one, and whoever trusts that one trusts it too") {
    Store store;
    auto trail = store.manager.audit();
    const auto first = trail.make_signing_key(key_file(store));
    (void)trail.seal(key_file(store));
    CHECK_THROWS_AS((void)trail.make_signing_key(key_file(store, "second"), store.scratch / "missing"), IoError);
    const auto second = trail.make_signing_key(key_file(store, "second"), key_file(store));
    const auto last = trail.seal(key_file(store, "second"));
    const auto report = trail.verify({.keys = {first}});
    CHECK(report.ok());
    CHECK(report.sealed_entries == last.size);
    CHECK(report.sealed_by == second);
    // Who comes after the change and was given the new key alone: it covers what the old one signed.
    const auto later = trail.verify({.keys = {second}});
    CHECK(later.ok());
    CHECK(later.sealed_entries == last.size);
    (void)trail.export_months({.signing_key = key_file(store, "second")});
    CHECK(verify_audit_files(store.base / "audit", {.keys = {second}}).ok());
    CHECK(shell("python3 " + std::string(CUSTODY_SOURCE_DIR) + "/tools/verify_audit.py --key '" + second + "' '" +
                (store.base / "audit").string() + "'")
              .exit_code == 0);

    // A third one that nobody names: whoever trusts the others does not trust it.
    CHECK_THROWS_AS((void)trail.make_signing_key(key_file(store, "third")), InvalidArgument);
    CHECK_FALSE(fs::exists(key_file(store, "third")));
    const auto third = trail.make_signing_key(key_file(store, "third"), {}, true);
    (void)trail.seal(key_file(store, "third"));
    CHECK(kinds_of(trail.verify({.keys = {first}})) == std::multiset<std::string>{"key_not_pinned"});
    CHECK(trail.verify({.keys = {first, third}}).ok());
    CHECK(trail.verify({}).ok());
    // The key that was said to be the current one must be it.
    CHECK_THROWS_AS((void)trail.make_signing_key(key_file(store, "fourth"), key_file(store)), InvalidArgument);
    CHECK_FALSE(fs::exists(key_file(store, "fourth")));
}

TEST_CASE("an anchor elsewhere tells that entries were removed, or that history was rewritten") {
    Store store;
    auto trail = store.manager.audit();
    const auto key = trail.make_signing_key(key_file(store));
    const auto anchor = store.scratch / "elsewhere";
    (void)store.add_bare();
    (void)trail.seal(key_file(store), anchor);
    const auto copy = store.scratch / "copy";
    store.manager = ArtifactManager(store.scratch / "other");  // closes the store, so that it can be copied
    fs::copy(store.base, copy, fs::copy_options::recursive);
    {
        ArtifactManager again(store.base);
        (void)again.create_artifact({.type = ArtifactType::log});
        (void)again.audit().seal(key_file(store), anchor);
        CHECK(again.audit().verify({.keys = {key}, .anchor = anchor}).ok());
    }
    ArtifactManager replayed(copy);  // the older database, put in the place of the newer one
    const auto report = replayed.audit().verify({.keys = {key}, .anchor = anchor});
    CHECK(kinds_of(report) == std::multiset<std::string>{"anchor_ahead"});
    CHECK(report.findings.front().message.find("is ahead of this log: entries were removed") != std::string::npos);
    (void)replayed.create_artifact({.type = ArtifactType::log});
    (void)replayed.create_artifact({.type = ArtifactType::log});
    (void)replayed.create_artifact({.type = ArtifactType::log});
    CHECK(kinds_of(replayed.audit().verify({.anchor = anchor})) == std::multiset<std::string>{"history_rewritten"});
    CHECK(kinds_of(replayed.audit().verify({.anchor = store.scratch.file("garbage", "x")})) ==
          std::multiset<std::string>{"anchor_damaged"});
    ArtifactManager other(store.scratch / "other");
    CHECK(kinds_of(other.audit().verify({.anchor = anchor})) ==
          std::multiset<std::string>{"anchor_of_another_store", "anchor_of_another_store"});
    CHECK_THROWS_AS((void)other.audit().verify({.anchor = store.scratch / "missing"}), IoError);
}

TEST_CASE("a trail that was changed since it was signed is not signed again") {
    Store store;
    auto trail = store.manager.audit();
    (void)trail.make_signing_key(key_file(store));
    (void)store.add_bare();
    (void)trail.seal(key_file(store));
    store.raw(Raw::As::intruder).run("UPDATE audit_entries SET line = replace(line, 'tester', 'nobody') WHERE seq = 3");
    CHECK_THROWS_AS((void)trail.seal(key_file(store)), Corruption);
    CHECK_THROWS_AS((void)trail.export_months({.signing_key = key_file(store)}), Corruption);
    CHECK_FALSE(trail.verify({}).ok());
}

TEST_CASE("the library seals by itself after so many entries, and after so long") {
    Store store;
    (void)store.manager.audit().make_signing_key(key_file(store));
    {
        ArtifactManager counting(store.base, {.signing_key = key_file(store), .seal_every_entries = 5});
        for (int i = 0; i < 12; ++i) (void)counting.create_artifact({.type = ArtifactType::log});
    }
    CHECK(store.raw().number("SELECT count(*) FROM audit_checkpoints") == 2);
    CHECK(store.manager.audit().verify({}).ok());
    {
        ArtifactManager timed(store.base, {.signing_key = key_file(store), .seal_every = std::chrono::seconds(1)});
        (void)timed.create_artifact({.type = ArtifactType::log});
        for (int i = 0; i < 60 && store.raw().number("SELECT count(*) FROM audit_checkpoints") < 3; ++i) ::usleep(100000);
    }
    CHECK(store.raw().number("SELECT count(*) FROM audit_checkpoints") >= 3);
    CHECK_THROWS_AS(ArtifactManager(store.base, {.seal_every_entries = 5}), InvalidArgument);
    Store other;
    (void)other.manager.audit().make_signing_key(key_file(other));
    CHECK_THROWS_AS(ArtifactManager(store.base, {.signing_key = key_file(other), .seal_every_entries = 5}), InvalidArgument);
}

TEST_CASE("an anchor is a file of checkpoints outside of the store, and nothing else is written to") {
    Store store;
    auto trail = store.manager.audit();
    (void)trail.make_signing_key(key_file(store));
    const auto payload = store.blob(store.add(ArtifactType::log, "a payload"));
    const auto video = store.scratch.file("interview.mp4", "a video");
    const auto sealed = [&] {
        return store.raw().number("SELECT count(*) FROM audit_entries WHERE action = 'seal' AND success");
    };
    for (const auto& wrong : {key_file(store), video, payload, store.base / "anchor", store.base / "storage/catalog.db"}) {
        CAPTURE(wrong);
        const auto before = fs::exists(wrong) && wrong.filename() != "catalog.db" ? slurp(wrong) : "";
        CHECK_THROWS_AS((void)trail.seal(key_file(store), wrong), InvalidArgument);
        if (wrong.filename() != "catalog.db") CHECK((fs::exists(wrong) ? slurp(wrong) : "") == before);
    }
    CHECK(sealed() == 0);
    const auto empty = store.scratch.file("empty", "");
    for (const auto& anchor : {store.scratch / "new", empty}) {
        (void)trail.seal(key_file(store), anchor);
        (void)trail.seal(key_file(store), anchor);
        CHECK(trail.verify({.anchor = anchor}).ok());
    }
    CHECK(sealed() == 4);
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("entries that were changed since the last seal are not signed, exported or proven") {
    Store store;
    auto trail = store.manager.audit();
    (void)trail.make_signing_key(key_file(store));
    (void)store.add_bare();
    (void)trail.seal(key_file(store));
    (void)store.add_bare();
    (void)store.add_bare();
    const auto last = store.entry_count();
    store.raw(Raw::As::intruder)
        .run("UPDATE audit_entries SET line = replace(line, 'tester', 'nobody') WHERE seq = " + std::to_string(last));
    CHECK(message_of<Corruption>([&] { (void)trail.seal(key_file(store)); }).find("trail was altered") != std::string::npos);
    CHECK_THROWS_AS((void)trail.export_months({.signing_key = key_file(store)}), Corruption);
    CHECK_THROWS_AS((void)trail.export_months({}), Corruption);
    CHECK_THROWS_AS((void)trail.prove(last), Corruption);
    CHECK_THROWS_AS((void)store.manager.snapshot(store.scratch / "snapshot.db", {.signing_key = key_file(store)}), Corruption);
    CHECK_FALSE(trail.verify({}).ok());
}

TEST_CASE("of several who record a key at once, one does, and the others are told of it") {
    for (int round = 0; round < 5; ++round) {
        Store store;
        std::atomic<int> recorded{0}, refused{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&, i] {
                try {
                    (void)store.manager.audit().make_signing_key(key_file(store, "key" + std::to_string(i)));
                    ++recorded;
                } catch (const Conflict&) {
                    ++refused;
                } catch (const InvalidArgument&) {
                    ++refused;  // it came later still
                }
            });
        }
        for (auto& thread : threads) thread.join();
        CHECK(recorded == 1);
        CHECK(refused == 3);
        CHECK(store.raw().number("SELECT count(*) FROM audit_keys") == 1);
    }
}

TEST_CASE("members of the wrong kind in lines are told as alterations, and the rest is looked at") {
    Store store;
    auto trail = store.manager.audit();
    (void)trail.make_signing_key(key_file(store));
    (void)store.add_bare();
    const auto set = [&](const std::string& path, const std::string& where) {
        store.raw(Raw::As::intruder).run("UPDATE audit_entries SET line = json_set(line, '" + path + "', 5) WHERE " + where);
    };
    SUBCASE("the action of the first") { set("$.action", "seq = 1"); }
    SUBCASE("the key that an entry names") { set("$.details.verifier_key", "action = 'key'"); }
    SUBCASE("details that are no object") { set("$.details", "action = 'key'"); }
    const auto report = trail.verify({});
    CHECK(kinds_of(report).contains("head_altered"));
    CHECK(kinds_of(report).count("not_checked") == 0);
    CHECK(report.entries == static_cast<std::uint64_t>(store.entry_count()));
    CHECK_FALSE(store.manager.verify().ok());
}

TEST_CASE("a tile that is gone is told, and so is every row that was altered") {
    Store store;
    std::vector<NewArtifact> batch(300, NewArtifact{.type = ArtifactType::metadata});
    (void)store.manager.create_artifacts(batch);
    (void)store.manager.create_artifacts(batch);
    store.raw(Raw::As::intruder)
        .run(
            "DELETE FROM audit_tiles WHERE level = 0 AND tile_index = 1;"
            "UPDATE artifacts SET processing_module = 'another' WHERE artifact_key = 3");
    const auto found = kinds(store.manager.verify());
    CHECK(found.contains("tile_altered"));
    CHECK(found.contains("row_altered"));
    CHECK_FALSE(found.contains("not_checked"));
}

TEST_CASE("a checkpoint that an entry tells of and that is gone is told, whatever it was made for") {
    Store store;
    auto trail = store.manager.audit();
    (void)trail.make_signing_key(key_file(store));
    (void)store.add_bare();
    SUBCASE("a seal") { (void)trail.seal(key_file(store)); }
    SUBCASE("an export") { (void)trail.export_months({.signing_key = key_file(store)}); }
    SUBCASE("a snapshot") { (void)store.manager.snapshot(store.scratch / "snapshot.db", {.signing_key = key_file(store)}); }
    REQUIRE(store.manager.verify().ok());
    REQUIRE(store.raw().number("SELECT count(*) FROM audit_checkpoints") > 0);
    store.raw(Raw::As::intruder).run("DELETE FROM audit_checkpoints WHERE size > 0");
    CHECK(kinds(store.manager.verify()).contains("row_missing"));
}

TEST_CASE("an anchor of any length is read whole") {
    Store store;
    auto trail = store.manager.audit();
    const auto key = trail.make_signing_key(key_file(store));
    const auto anchor = store.scratch / "anchor";
    const auto seal = trail.seal(key_file(store), anchor);
    std::string notes;
    while (notes.size() < (5U << 20U)) notes += seal.note + "\n";
    (void)store.add_bare();
    const auto later = trail.seal(key_file(store));
    std::ofstream(anchor, std::ios::binary) << notes << later.note << "\n";
    (void)trail.export_months({.to_seq = static_cast<std::int64_t>(seal.size), .signing_key = key_file(store)});
    CHECK(kinds_of(trail.verify({.keys = {key}, .anchor = anchor})).empty());
    // The export ends before the last note.
    CHECK(kinds_of(verify_audit_files(store.base / "audit", {.keys = {key}, .anchor = anchor})) ==
          std::multiset<std::string>{"anchor_ahead"});
}
