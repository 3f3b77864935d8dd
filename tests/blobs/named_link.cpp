#include <unistd.h>

#include <thread>
#include <vector>

#include <custody/error.hpp>

#include "blobs/durable.hpp"
#include "blobs/support.hpp"

using namespace custody;
using namespace custody::testing;
using blobs::make_named_link;
namespace fs = std::filesystem;

TEST_CASE("the named link is a hard link in folders made on the way, and a good one stays") {
    TestStore t;
    const auto payload = t.store.path_of(t.add("content"));
    const auto link = t.scratch / "storage/artifacts/video_raw/id_name.mp4";
    make_named_link(link, payload, 0700);
    CHECK(inode_of(link) == inode_of(payload));
    CHECK(mode_of(link.parent_path()) == 0700U);
    const auto count = fs::hard_link_count(payload);
    make_named_link(link, payload, 0700);
    CHECK(fs::hard_link_count(payload) == count);
}

TEST_CASE("a stale named link is replaced") {
    TestStore t;
    const auto old_payload = t.store.path_of(t.add("old"));
    const auto payload = t.store.path_of(t.add("content"));
    const auto link = t.scratch / "storage/artifacts/log/id_name";
    fs::create_directories(link.parent_path());
    SUBCASE("a hard link to what was healed since") { fs::create_hard_link(old_payload, link); }
    SUBCASE("a symbolic link elsewhere") { fs::create_symlink(old_payload, link); }
    SUBCASE("a dangling one") { fs::create_symlink("nowhere", link); }
    SUBCASE("a file that somebody put there") { t.scratch.file("storage/artifacts/log/id_name", "x"); }
    make_named_link(link, payload, 0700);
    CHECK(slurp(link) == "content");
    CHECK(slurp(old_payload) == "old");
    CHECK(std::distance(fs::directory_iterator(link.parent_path()), fs::directory_iterator()) == 1);
}

TEST_CASE("payloads on another disk get a relative symbolic link that survives a move of the tree") {
    const Scratch scratch;
    Mount disk(scratch / "tree/disk");
    if (!disk.tmpfs("size=1m")) {
        MESSAGE("skipped: no file system may be mounted here");
        return;
    }
    blobs::BlobStore store(disk.where, {});
    store.create();
    auto staged = store.stage_bytes("content");
    store.publish(staged, false);
    fs::create_directories(scratch / "tree/storage/artifacts");
    fs::create_directory_symlink(scratch / "tree", scratch / "alias");
    const auto link = scratch / "alias/storage/artifacts/log/id_name";
    make_named_link(link, store.path_of(staged.digest()), 0700);
    REQUIRE(fs::is_symlink(link));
    CHECK(fs::read_symlink(link).string().find("../../../disk/blobs/") == 0);
    CHECK(slurp(link) == "content");
    const auto inode = inode_of(link);
    make_named_link(link, store.path_of(staged.digest()), 0700);
    CHECK(inode_of(link) == inode);
    CHECK(slurp(scratch / "tree/storage/artifacts/log/id_name") == "content");
}

TEST_CASE("where hard links are refused the named link is a symbolic one") {
    if (::geteuid() != 0) {
        MESSAGE("skipped: needs a payload of another account");
        return;
    }
    // fs.protected_hardlinks: no hard link to a file that one neither owns nor may write.
    if (slurp("/proc/sys/fs/protected_hardlinks") != "1\n") {
        MESSAGE("skipped: fs.protected_hardlinks is off");
        return;
    }
    TestStore t(blobs::Modes{true});
    const auto payload = t.store.path_of(t.add("content"));
    const auto link = t.scratch / "storage/artifacts/log/id_name";
    fs::create_directories(link.parent_path());
    for (const auto& part : {t.store.root(), t.store.root() / "blobs", payload.parent_path(), link.parent_path(), payload}) {
        REQUIRE(::chown(part.c_str(), 0, 65534) == 0);
        ::chmod(part.c_str(), part == payload ? 0440 : 02770);
    }
    ::chmod((t.scratch / "storage/artifacts").c_str(), 0755);
    CHECK(as_nobody([&] {
              make_named_link(link, payload, 02770);
              return slurp(link);
          }) == "content");
    CHECK(fs::is_symlink(link));
}

TEST_CASE("a payload that is missing gets no link") {
    TestStore t;
    CHECK_THROWS_AS(make_named_link(t.scratch / "storage/artifacts/a/b", t.store.path_of(base::sha256("none")), 0700), IoError);
    CHECK_FALSE(fs::exists(t.scratch / "storage/artifacts/a"));
}

TEST_CASE("threads that make one named link at once all succeed") {
    TestStore t;
    const auto payload = t.store.path_of(t.add("content"));
    for (int round = 0; round < 20; ++round) {
        const auto link = t.scratch / ("storage/artifacts/t" + std::to_string(round) + "/link");
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) threads.emplace_back([&] { make_named_link(link, payload, 0700); });
        threads.clear();
        CHECK(inode_of(link) == inode_of(payload));
    }
}
