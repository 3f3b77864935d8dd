#include <sys/stat.h>
#include <utime.h>

#include <ctime>
#include <fstream>

#include <custody/error.hpp>

#include "blobs/support.hpp"
#include "blobs/trash_name.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

TEST_CASE("a discarded payload is in the trash until its grace period is over") {
    TestStore t;
    const auto digest = t.add("content");
    CHECK(t.store.discard(digest));
    CHECK_FALSE(t.store.discard(digest));
    CHECK_FALSE(t.store.stat(digest));
    CHECK(t.store.sweep_trash(3600) == 0);
    REQUIRE(t.files().size() == 1);
    CHECK(t.files().begin()->find("trash/" + digest.hex() + ".") == 0);
    CHECK(t.store.sweep_trash(0) == 1);
    CHECK(t.files().empty());
}

TEST_CASE("the grace period counts from the removal, whatever the payload's own times say") {
    TestStore t;
    const auto digest = t.add("content");
    const utimbuf long_ago{1000, 1000};
    REQUIRE(::utime(t.store.path_of(digest).c_str(), &long_ago) == 0);
    t.store.discard(digest);
    CHECK(t.store.sweep_trash(60) == 0);
    const auto name = digest.hex() + "." + std::to_string(std::time(nullptr) - 100) + ".0123456789abcdef";
    t.scratch.file("storage/trash/" + name, "x");
    CHECK(t.store.sweep_trash(60) == 1);
    CHECK_FALSE(fs::exists(t.scratch / ("storage/trash/" + name)));
    CHECK(t.files().size() == 1);
}

TEST_CASE("one content may be discarded many times") {
    TestStore t;
    for (int i = 0; i < 5; ++i) {
        const auto digest = t.add("content");
        CHECK(t.store.discard(digest));
    }
    CHECK(t.files().size() == 5);
    CHECK(t.store.sweep_trash(0) == 5);
}

TEST_CASE("a sweep leaves alone what is being written and what is not the store's") {
    blobs::Abilities abilities;
    abilities.tmpfile = false;
    TestStore t({}, abilities);
    t.scratch.file("storage/trash/README", "by hand");
    t.scratch.file("storage/trash/incoming-notes", "by hand");
    auto staged = t.store.stage_bytes("content");
    REQUIRE(t.files().size() == 3);
    CHECK(t.store.sweep_trash(0) == 0);
    CHECK(t.store.publish(staged, false) == blobs::Published::added);
    CHECK(t.store.matches(staged.digest()));
    CHECK(fs::exists(t.scratch / "storage/trash/README"));
}

TEST_CASE("what a crashed writer left is swept after the grace period") {
    TestStore t;
    const auto left = t.scratch.file("storage/trash/incoming-0123456789abcdef0123456789abcdef", "half a payload");
    CHECK(t.store.sweep_trash(3600) == 0);
    CHECK(t.store.sweep_trash(0) == 1);
    CHECK_FALSE(fs::exists(left));
}

TEST_CASE("the trash's own folder is made again") {
    TestStore t;
    const auto digest = t.add("content");
    fs::remove_all(t.store.root() / "trash");
    CHECK(t.store.sweep_trash(0) == 0);
    CHECK(t.store.discard(digest));
    CHECK(t.store.sweep_trash(0) == 1);
}

TEST_CASE("a name in the trash gives its time back") {
    const auto now = std::time(nullptr);
    CHECK(blobs::removed_at_seconds(blobs::trash_name("name.with.dots")).value() - now <= 1);
    for (const auto* name : {"", ".", "a", "a.b", "a.5.xyz", "a.x.0123456789abcdef", "5.0123456789abcdef", ".0123456789abcdef"}) {
        CAPTURE(name);
        CHECK_FALSE(blobs::removed_at_seconds(name));
    }
}

TEST_CASE("the listing has every payload and everything that is none") {
    TestStore t;
    std::set<Digest> added;
    for (int i = 0; i < 40; ++i) added.insert(t.add(std::to_string(i)));
    const auto hex = base::sha256("none").hex();
    const std::set<std::string> strangers{"blobs/x", "blobs/" + hex, "blobs/00/short",
                                          "blobs/" + std::string(hex[0] == 'f' ? "00/" : "ff/") + hex, "blobs/ZZ/" + hex};
    for (const auto& name : strangers) t.scratch.file("storage/" + name, "x");
    for (const auto* other : {"link", "folder"}) fs::create_directories(t.store.path_of(base::sha256(other)).parent_path());
    fs::create_symlink("nowhere", t.store.path_of(base::sha256("link")));
    fs::create_directory(t.store.path_of(base::sha256("folder")));
    const auto listing = t.store.list();
    CHECK(std::set<Digest>(listing.blobs.begin(), listing.blobs.end()) == added);
    CHECK(listing.blobs.size() == added.size());
    CHECK(listing.strangers.size() == strangers.size() + 2);
    for (const auto& stranger : listing.strangers) CHECK(stranger.is_absolute());
}
