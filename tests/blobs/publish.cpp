#include "blobs/support.hpp"

#include <unistd.h>

#include <fstream>

#include <custody/error.hpp>

using namespace custody;
using namespace custody::testing;
using blobs::Published;
namespace fs = std::filesystem;

namespace {

/// Puts other bytes under the payload's name, as a broken disk or a hand might.
void damage(const fs::path& payload, const std::string& bytes) {
    fs::remove_all(payload);
    std::ofstream(payload, std::ios::binary) << bytes;
}

blobs::Abilities without(bool tmpfile, bool proc, bool empty_path, bool noreplace, bool link) {
    blobs::Abilities abilities;
    abilities.tmpfile = tmpfile;
    abilities.proc = proc;
    abilities.empty_path = empty_path;
    abilities.rename_noreplace = noreplace;
    abilities.hard_link = link;
    return abilities;
}

const std::vector<std::pair<std::string, blobs::Abilities>> every_way{
    {"O_TMPFILE and /proc", {}},
    {"O_TMPFILE without /proc", without(true, false, true, true, true)},
    {"O_TMPFILE that can't be named", without(true, false, false, true, true)},
    {"a named file", without(false, true, true, true, true)},
    {"a named file without RENAME_NOREPLACE", without(false, true, true, false, true)},
    {"a named file without hard links either", without(false, true, true, false, false)},
};

}  // namespace

TEST_CASE("every way of naming a payload publishes, knows what is there, heals, and leaves nothing else") {
    for (const auto& [name, abilities] : every_way) {
        CAPTURE(name);
        TestStore t({}, abilities);
        const auto path = t.store.path_of(base::sha256("content"));
        {
            auto first = t.store.stage_bytes("content");
            CHECK(t.store.publish(first, false) == Published::added);
            CHECK(first.added());
            auto second = t.store.stage_bytes("content");
            CHECK(t.store.publish(second, false) == Published::present);
            CHECK_FALSE(second.added());
            CHECK(second.mtime_ns() == first.mtime_ns());
            damage(path, "CONTENT");
            auto third = t.store.stage_bytes("content");
            CHECK(t.store.publish(third, false) == Published::healed);
            CHECK(slurp(path) == "content");
            CHECK(mode_of(path) == 0400U);
            auto unpublished = t.store.stage_bytes("never published");
        }
        CHECK(t.files() == std::set<std::string>{path.lexically_relative(t.store.root()).string()});
    }
}

TEST_CASE("what is there is hashed unless trusted, and its size is compared in any case") {
    TestStore t;
    const auto digest = t.add("content");
    const auto path = t.store.path_of(digest);
    damage(path, "CONTENT");
    auto trusting = t.store.stage_bytes("content");
    CHECK(t.store.publish(trusting, true) == Published::present);
    CHECK(slurp(path) == "CONTENT");
    damage(path, "content and more");
    CHECK(t.store.publish(trusting, true) == Published::healed);
    CHECK(slurp(path) == "content");
}

TEST_CASE("whatever has taken a payload's name makes way for it") {
    TestStore t;
    const auto digest = base::sha256("content");
    const auto path = t.store.path_of(digest);
    const auto elsewhere = t.scratch.file("elsewhere", "content");
    fs::create_directory(path.parent_path());
    SUBCASE("a symbolic link, even to the same content") { fs::create_symlink(elsewhere, path); }
    SUBCASE("a dangling symbolic link") { fs::create_symlink("nowhere", path); }
    SUBCASE("a folder with files") {
        fs::create_directory(path);
        std::ofstream(path / "inside") << "x";
    }
    SUBCASE("a FIFO") { REQUIRE(::mkfifo(path.c_str(), 0600) == 0); }
    CHECK_FALSE(t.store.stat(digest));
    CHECK_FALSE(t.store.matches(digest));
    auto staged = t.store.stage_bytes("content");
    CHECK(t.store.publish(staged, true) == Published::healed);
    CHECK(t.store.matches(digest));
    CHECK(fs::symlink_status(path).type() == fs::file_type::regular);
    CHECK(slurp(elsewhere) == "content");
    t.store.sweep_trash(0);
    CHECK(t.files().size() == 1);
}

TEST_CASE("a payload with loose permissions gets its own back when it is met again") {
    TestStore t;
    const auto path = t.store.path_of(t.add("content"));
    ::chmod(path.c_str(), 0666);
    t.add("content");
    CHECK(mode_of(path) == 0400U);
}

TEST_CASE("a payload that went after it was published is linked again from the file still open") {
    for (const auto& [name, abilities] : every_way) {
        CAPTURE(name);
        for (const bool swept : {false, true}) {
            CAPTURE(swept);
            TestStore t({}, abilities);
            t.add("content");
            auto staged = t.store.stage_bytes("content");
            auto own = t.store.stage_bytes("own");
            CHECK(t.store.publish(staged, false) == Published::present);
            CHECK(t.store.publish(own, false) == Published::added);
            for (auto* each : {&staged, &own}) {
                REQUIRE(t.store.discard(each->digest()));
                if (swept) REQUIRE(t.store.sweep_trash(0) == 1);
                t.store.ensure_published(*each);
                CHECK(t.store.matches(each->digest()));
                CHECK(each->mtime_ns() == t.store.stat(each->digest())->mtime_ns);
                CHECK(mode_of(t.store.path_of(each->digest())) == 0400U);
            }
            t.store.sweep_trash(0);
            CHECK(t.store.matches(staged.digest()));
            CHECK(t.files().size() == 2);
        }
    }
}

TEST_CASE("a payload that was cut after it was published is put right under the lock") {
    TestStore t;
    auto staged = t.store.stage_bytes("content");
    t.store.publish(staged, false);
    auto other = t.store.stage_bytes("content");
    t.store.publish(other, false);
    damage(t.store.path_of(staged.digest()), "cont");
    t.store.ensure_published(other);
    CHECK(t.store.matches(other.digest()));
}

TEST_CASE("a missing folder of the store is made again") {
    TestStore t;
    const auto path = t.store.path_of(base::sha256("content"));
    fs::remove_all(path.parent_path());
    t.add("content");
    CHECK(slurp(path) == "content");
    CHECK(mode_of(path.parent_path()) == 0700U);
}

TEST_CASE("a payload in quarantine by a broken store is an error, not a loop") {
    TestStore t;
    auto staged = t.store.stage_bytes("content");
    fs::remove_all(t.store.root() / "blobs");
    t.scratch.file("storage/blobs", "a file where a folder should be");
    CHECK_THROWS_AS(t.store.publish(staged, false), IoError);
}
