#include "manager/payload_root.hpp"

#include <sys/stat.h>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

unsigned mode_of(const fs::path& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

}  // namespace

TEST_CASE("a payload folder is one store's, and says whose") {
    const Scratch scratch;
    const auto payloads = scratch / "payloads";
    const auto marker = payloads / "custody-store";
    CHECK(ArtifactManager::init(scratch / "a", {.payloads = payloads}) == InitResult::created);
    CHECK(ArtifactManager::init(scratch / "a", {.payloads = payloads}) == InitResult::already_there);
    CHECK(slurp(marker) == Raw(scratch / "a").text("SELECT store_id FROM store") + "\n" + (scratch / "a").string());
    CHECK(mode_of(marker) == 0600U);
    const auto said = message_of<InvalidArgument>([&] { ArtifactManager::init(scratch / "b", {.payloads = payloads}); });
    CHECK(said.find(marker.string()) != std::string::npos);
    CHECK_FALSE(fs::exists(scratch / "b"));
    CHECK(ArtifactManager::init(scratch / "b") == InitResult::created);  // nothing of the refusal is in the way
    CHECK(ArtifactManager::init(scratch / "group", {.group = true, .payloads = scratch / "shared"}) == InitResult::created);
    CHECK(mode_of(scratch / "shared/custody-store") == 0660U);
}

TEST_CASE("a folder that has payloads, or another store's catalog, is not taken for payloads") {
    const Scratch scratch;
    const auto payload = scratch.file("payloads/blobs/ab/payload", "somebody's");
    CHECK_THROWS_AS(ArtifactManager::init(scratch / "a", {.payloads = scratch / "payloads"}), InvalidArgument);
    CHECK(slurp(payload) == "somebody's");
    CHECK_FALSE(fs::exists(scratch / "payloads/custody-store"));
    CHECK(ArtifactManager::init(scratch / "other") == InitResult::created);
    CHECK_THROWS_AS(ArtifactManager::init(scratch / "a", {.payloads = scratch / "other/storage"}), InvalidArgument);
    CHECK_FALSE(fs::exists(scratch / "a/storage/catalog.db"));
}

TEST_CASE("a payload folder that has become another store's is not used") {
    const Scratch scratch;
    const auto base = scratch / "store";
    const auto marker = scratch / "payloads/custody-store";
    CHECK(ArtifactManager::init(base, {.payloads = scratch / "payloads"}) == InitResult::created);
    const auto own = slurp(marker);
    fs::remove(marker);
    CHECK_NOTHROW(ArtifactManager{base});  // made before there were markers
    scratch.file("payloads/custody-store", "6b6f1c1e-9d55-4d3c-8b6e-0f4a8c0d1e2f\n");
    const auto said = message_of<Conflict>([&] { ArtifactManager manager(base); });
    CHECK(said.find("6b6f1c1e") != std::string::npos);
    CHECK_THROWS_AS(ArtifactManager(base, {.diagnose = true}), Conflict);
    scratch.file("payloads/custody-store", own);
    CHECK_NOTHROW(ArtifactManager{base});
}

TEST_CASE("a payload folder whose disk is not mounted is no empty one: the store is not opened, and doctor says why") {
    const Scratch scratch;
    const auto base = scratch / "store";
    const auto payloads = scratch / "payloads";
    CHECK(ArtifactManager::init(base, {.payloads = payloads}) == InitResult::created);
    (void)ArtifactManager(base).create_artifact({.type = ArtifactType::log, .content = "content"});
    const auto state = [&] {
        for (const auto& check : ArtifactManager(base, {.diagnose = true}).doctor()) {
            if (check.name == "payload folder") return check.severity;
        }
        return Finding::Severity::warning;
    };
    CHECK(state() == Finding::Severity::note);
    fs::rename(payloads, scratch / "away");
    SUBCASE("its mount point is there") { fs::create_directory(payloads); }
    SUBCASE("nothing is there") {}
    CHECK(message_of<IoError>([&] { ArtifactManager manager(base); }).find("mount its disk") != std::string::npos);
    CHECK(state() == Finding::Severity::error);
    CHECK_FALSE(ArtifactManager(base, {.diagnose = true}).verify().ok());
    fs::remove(payloads);
    fs::rename(scratch / "away", payloads);
    CHECK(ArtifactManager(base).verify().findings.empty());
}

TEST_CASE("the claim of an init that was killed is replaced; that of a store which was moved is not") {
    const Scratch scratch;
    const auto base = scratch / "store";
    const auto claimed = "6b6f1c1e-9d55-4d3c-8b6e-0f4a8c0d1e2f\n" + base.string();
    scratch.file("payloads/custody-store", claimed);
    CHECK_THROWS_AS(ArtifactManager::init(base, {.payloads = scratch / "payloads"}), InvalidArgument);  // nothing was left here
    fs::create_directories(scratch / "elsewhere/storage");
    CHECK_THROWS_AS(ArtifactManager::init(scratch / "elsewhere", {.payloads = scratch / "payloads"}), InvalidArgument);
    CHECK(slurp(scratch / "payloads/custody-store") == claimed);
    fs::create_directories(base / "storage");  // as a killed init leaves it
    CHECK(ArtifactManager::init(base, {.payloads = scratch / "payloads"}) == InitResult::created);
    CHECK_NOTHROW(ArtifactManager{base});
}

TEST_CASE("a claim is released by whom it names alone") {
    const Scratch scratch;
    const auto marker = scratch.file("payloads/custody-store", "one\n/somewhere").string();
    manager::release_payload_root(marker, "two");
    CHECK(fs::exists(marker));
    manager::release_payload_root(marker, "one");
    CHECK_FALSE(fs::exists(marker));
}

TEST_CASE("of two that take one payload folder at once, one gets it") {
    const Scratch scratch;
    fs::create_directory(scratch / "payloads");
    const auto claim = [&](const std::string& id) { manager::claim_payload_root(scratch / "payloads", id, scratch / id, 0600); };
    claim("one");
    CHECK_THROWS_AS(claim("two"), InvalidArgument);
    CHECK_NOTHROW(claim("one"));
}

TEST_CASE("of a store and its copy, one has the payload folder; a store that was moved keeps it") {
    const Scratch scratch;
    CHECK(ArtifactManager::init(scratch / "one", {.payloads = scratch / "payloads"}) == InitResult::created);
    fs::copy(scratch / "one", scratch / "two", fs::copy_options::recursive);
    const auto said = message_of<Conflict>([&] { ArtifactManager manager(scratch / "two"); });
    CHECK(said.find((scratch / "one").string()) != std::string::npos);
    CHECK_THROWS_AS(ArtifactManager(scratch / "two", {.diagnose = true}), Conflict);
    CHECK_NOTHROW(ArtifactManager{scratch / "one"});
    fs::create_symlink(scratch / "one", scratch / "other_name");
    CHECK_NOTHROW(ArtifactManager{scratch / "other_name"});
    fs::remove_all(scratch / "one");
    CHECK_NOTHROW(ArtifactManager{scratch / "two"});
}

TEST_CASE("keys, backups and anchors stay out of a payload folder") {
    const Scratch scratch;
    CHECK(ArtifactManager::init(scratch / "one", {.payloads = scratch / "payloads"}) == InitResult::created);
    ArtifactManager manager(scratch / "one");
    CHECK_THROWS_AS((void)manager.audit().make_signing_key(scratch / "payloads/key"), InvalidArgument);
    CHECK_THROWS_AS((void)manager.backup(scratch / "payloads/backup"), InvalidArgument);
    (void)manager.audit().make_signing_key(scratch / "key");
    CHECK_THROWS_AS((void)manager.audit().seal(scratch / "key", scratch / "payloads/anchor"), InvalidArgument);
    CHECK(manager.verify().findings.empty());
}
