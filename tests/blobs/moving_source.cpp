#include "blobs/support.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fstream>

#include <custody/error.hpp>

#include "blobs/descriptor.hpp"

using namespace custody;
using namespace custody::testing;
using blobs::Descriptor;
using blobs::Published;
namespace fs = std::filesystem;

TEST_CASE("a move renames the file itself into the store") {
    TestStore t;
    const auto source = t.scratch.file("source.mp4", "content");
    ::chmod(source.c_str(), 0644);
    const auto inode = inode_of(source);
    auto staged = t.store.stage_file(source, Transfer::move);
    CHECK(fs::exists(source));
    CHECK(mode_of(source) == 0644U);
    CHECK(t.files().empty());
    REQUIRE(t.store.publish(staged, false) == Published::added);
    CHECK_FALSE(fs::exists(source));
    const auto path = t.store.path_of(staged.digest());
    CHECK(inode_of(path) == inode);
    CHECK(mode_of(path) == 0400U);
    t.store.ensure_published(staged);
    CHECK(t.store.finish_move(staged));
    CHECK(t.store.matches(base::sha256("content")));
    CHECK(t.files().size() == 1);
}

TEST_CASE("a move that is not safe is a copy, and the source goes only when the move is finished") {
    TestStore t;
    const auto source = t.scratch.file("source", "content");
    Descriptor writer;
    SUBCASE("somebody has it open for writing") { writer = Descriptor(::open(source.c_str(), O_WRONLY)); }
    SUBCASE("it has a second name") { fs::create_hard_link(source, t.scratch / "second"); }
    SUBCASE("an access list lets others in") {
        // Version 2; owner rw, user 65534 rw, group r, mask rw, others none.
        const unsigned char list[] = {2, 0,   0,   0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,  6,
                                      0, 254, 255, 0,   0,   4,   0,  4, 0,   255, 255, 255, 255, 16, 0,
                                      6, 0,   255, 255, 255, 255, 32, 0, 0,   0,   255, 255, 255, 255};
        if (::setxattr(source.c_str(), "system.posix_acl_access", list, sizeof list, 0) != 0) {
            MESSAGE("skipped: no access lists on this file system");
            return;
        }
    }
    SUBCASE("it is another account's") {
        if (::geteuid() != 0 || ::chown(source.c_str(), 65534, 65534) != 0) {
            MESSAGE("skipped: only root can give files away");
            return;
        }
    }
    const auto inode = inode_of(source);
    auto staged = t.store.stage_file(source, Transfer::move);
    REQUIRE(t.store.publish(staged, false) == Published::added);
    CHECK(inode_of(source) == inode);
    CHECK(inode_of(t.store.path_of(staged.digest())) != inode);
    CHECK(t.store.finish_move(staged));
    CHECK_FALSE(fs::exists(source));
    CHECK(t.store.matches(staged.digest()));
}

TEST_CASE("a move from another file system copies, then removes") {
    TestStore t;
    Mount disk(t.scratch / "disk");
    if (!disk.tmpfs("size=1m")) {
        MESSAGE("skipped: no file system may be mounted here");
        return;
    }
    std::ofstream(disk.where / "source") << "content";
    auto staged = t.store.stage_file(disk.where / "source", Transfer::move);
    REQUIRE(t.store.publish(staged, false) == Published::added);
    CHECK(fs::exists(disk.where / "source"));
    CHECK(t.store.finish_move(staged));
    CHECK_FALSE(fs::exists(disk.where / "source"));
    CHECK(t.store.matches(staged.digest()));
}

TEST_CASE("where the content was there already a moved source is just removed") {
    TestStore t;
    t.add("content");
    const auto source = t.scratch.file("source", "content");
    auto staged = t.store.stage_file(source, Transfer::move);
    REQUIRE(t.store.publish(staged, false) == Published::present);
    CHECK(fs::exists(source));
    CHECK(mode_of(source) != 0400U);
    SUBCASE("finished") {
        CHECK(t.store.finish_move(staged));
        CHECK_FALSE(fs::exists(source));
    }
    SUBCASE("undone") {
        CHECK(t.store.undo_move(staged));
        CHECK(slurp(source) == "content");
    }
    SUBCASE("written to since") {
        staged = t.store.stage_bytes("another");  // lets go of the lease, which a writer would wait for
        auto again = t.store.stage_file(source, Transfer::move);
        t.store.publish(again, false);
        fs::remove(source);
        t.scratch.file("source", "new content");
        CHECK_FALSE(t.store.finish_move(again));
        CHECK(slurp(source) == "new content");
    }
    SUBCASE("the payload went meanwhile: the source takes its place") {
        REQUIRE(t.store.discard(staged.digest()));
        t.store.ensure_published(staged);
        CHECK_FALSE(fs::exists(source));
        CHECK(t.store.matches(staged.digest()));
        CHECK(t.store.finish_move(staged));
        CHECK(t.store.matches(staged.digest()));
    }
    CHECK(t.store.matches(base::sha256("content")));
}

TEST_CASE("an undone move puts the source back as it was") {
    TestStore t;
    const auto source = t.scratch.file("source", "content");
    ::chmod(source.c_str(), 0640);
    const auto inode = inode_of(source);
    const auto time = fs::last_write_time(source);
    auto staged = t.store.stage_file(source, Transfer::move);
    t.store.publish(staged, false);
    REQUIRE_FALSE(fs::exists(source));
    SUBCASE("nothing refers to the payload") {
        CHECK(t.store.undo_move(staged, true));
        CHECK(t.files().empty());
        CHECK_FALSE(staged.added());
    }
    SUBCASE("another writer may rely on it") {
        CHECK(t.store.undo_move(staged));
        CHECK(t.store.matches(staged.digest()));
        CHECK(inode_of(t.store.path_of(staged.digest())) != inode);
        CHECK(mode_of(t.store.path_of(staged.digest())) == 0400U);
        CHECK(t.files().size() == 1);
    }
    CHECK(inode_of(source) == inode);
    CHECK(mode_of(source) == 0640U);
    CHECK(fs::last_write_time(source) == time);
    CHECK(slurp(source) == "content");
}

TEST_CASE("a source that was moved in is marked until its record is there, and a kill leaves the mark") {
    TestStore t;
    const auto source = t.scratch.file("source", "content");
    auto staged = t.store.stage_file(source, Transfer::move);
    CHECK(t.store.taken_over().empty());
    t.store.publish(staged, false);
    REQUIRE(t.store.taken_over().size() == 1);
    const auto taken = t.store.taken_over().front();
    CHECK(taken.digest == staged.digest());
    CHECK(fs::equivalent(taken.source.parent_path(), t.scratch.path()));
    CHECK(taken.source.filename() == "source");
    CHECK_FALSE(t.store.give_back(taken));  // it is on its way in
    CHECK_FALSE(t.store.forget(taken, false));
    CHECK(t.store.sweep_trash(0) == 0);
    SUBCASE("recorded") {
        CHECK(t.store.finish_move(staged));
        CHECK(t.store.taken_over().empty());
    }
    SUBCASE("undone") {
        bool unreferenced = false;
        SUBCASE("by a rename") { unreferenced = true; }
        SUBCASE("by a copy") {}
        CHECK(t.store.undo_move(staged, unreferenced));
        CHECK(t.store.taken_over().empty());
    }
    SUBCASE("killed") {
        staged = t.store.stage_bytes("another");  // lets go of the file, as a process that ends does
        SUBCASE("and given back") {
            CHECK(t.store.give_back(taken));
            CHECK(slurp(source) == "content");
            CHECK(mode_of(source) == 0600U);
            CHECK(t.files().empty());
        }
        SUBCASE("its place was taken meanwhile") {
            t.scratch.file("source", "newcomer");
            CHECK_FALSE(t.store.give_back(taken));
            CHECK(slurp(source) == "newcomer");
            CHECK(t.store.matches(taken.digest));
        }
        SUBCASE("it is another account's") {
            if (::geteuid() != 0 || ::chown(t.store.path_of(taken.digest).c_str(), 65534, 65534) != 0) return;
            CHECK_FALSE(t.store.give_back(taken));
            CHECK(t.store.matches(taken.digest));
        }
    }
}

TEST_CASE("a sweep beside a source that gets its place back leaves that alone") {
    TestStore t;
    const auto source = t.scratch.file("source", "content");
    const auto inode = inode_of(source);
    auto staged = t.store.stage_file(source, Transfer::move);
    t.store.publish(staged, false);
    // As it lies while a copy has taken its place in the store.
    const auto between = t.store.root() / "trash" / ("incoming-" + std::string(32, 'a'));
    fs::rename(t.store.path_of(staged.digest()), between);
    CHECK(t.store.sweep_trash(0) == 0);
    CHECK(inode_of(between) == inode);
}

TEST_CASE("a source that somebody holds a lock on is copied") {
    TestStore t;
    const auto source = t.scratch.file("source", "content");
    const Descriptor holder(::open(source.c_str(), O_RDONLY));
    REQUIRE(::flock(holder.get(), LOCK_SH) == 0);
    const auto inode = inode_of(source);
    auto staged = t.store.stage_file(source, Transfer::move);
    t.store.publish(staged, false);
    CHECK(inode_of(source) == inode);
    CHECK(t.store.taken_over().empty());
    CHECK(t.store.finish_move(staged));
    CHECK_FALSE(fs::exists(source));
    CHECK(t.store.matches(staged.digest()));
}

TEST_CASE("a source goes for a payload that is hashed now, whatever is known of it") {
    TestStore t;
    const auto path = t.store.path_of(t.add("content"));
    ::chmod(path.c_str(), 0600);
    std::ofstream(path) << "c0ntent";
    auto staged = t.store.stage_file(t.scratch.file("source", "content"), Transfer::move);
    CHECK(t.store.publish(staged, true) == Published::healed);
    CHECK(t.store.finish_move(staged));
    CHECK(slurp(path) == "content");
}

TEST_CASE("an undone move never overwrites what has taken the source's name") {
    TestStore t;
    const auto source = t.scratch.file("source", "content");
    auto staged = t.store.stage_file(source, Transfer::move);
    t.store.publish(staged, false);
    t.scratch.file("source", "newcomer");
    bool unreferenced = false;
    SUBCASE("unreferenced") { unreferenced = true; }
    SUBCASE("perhaps referenced") {}
    CHECK_FALSE(t.store.undo_move(staged, unreferenced));
    CHECK(slurp(source) == "newcomer");
    CHECK(t.store.matches(base::sha256("content")));
}

TEST_CASE("a writer who comes while a file is moved gets the file back, and the store a copy of its own") {
    TestStore t;
    const auto source = t.scratch.file("source", "content");
    const auto inode = inode_of(source);
    auto staged = t.store.stage_file(source, Transfer::move);
    const auto path = t.store.path_of(staged.digest());
    const auto knock = [](const fs::path& at) {
        const Descriptor writer(::open(at.c_str(), O_WRONLY | O_NONBLOCK));
        CHECK(!writer);
        CHECK(errno == EWOULDBLOCK);
    };
    SUBCASE("before it is published") {
        knock(source);
        REQUIRE(t.store.publish(staged, false) == Published::added);
    }
    SUBCASE("after it was published") {
        REQUIRE(t.store.publish(staged, false) == Published::added);
        ::chmod(path.c_str(), 0600);
        knock(path);
        t.store.ensure_published(staged);
    }
    CHECK(inode_of(source) == inode);
    CHECK(inode_of(path) != inode);
    CHECK(mode_of(path) == 0400U);
    {
        const Descriptor writer(::open(source.c_str(), O_WRONLY | O_NONBLOCK));
        CHECK(writer.get() >= 0);
    }
    std::ofstream(source) << "edited";
    CHECK(t.store.matches(staged.digest()));
    CHECK_FALSE(t.store.finish_move(staged));
    CHECK(slurp(source) == "edited");
    CHECK(t.files().size() == 1);
}

TEST_CASE("what belongs to the store can't be moved into it, and is not lost") {
    TestStore t;
    const auto digest = t.add("content");
    const auto payload = t.store.path_of(digest);
    fs::create_hard_link(payload, t.scratch / "storage/artifacts/hard");
    fs::create_symlink(fs::path("../blobs") / digest.hex().substr(0, 2) / digest.hex(), t.scratch / "storage/artifacts/soft");
    for (const auto& own : {payload, t.scratch / "storage/artifacts/hard"}) {
        CHECK_THROWS_AS((void)t.store.stage_file(own, Transfer::move), InvalidArgument);
    }
    CHECK_THROWS_AS((void)t.store.stage_file(t.scratch / "storage/artifacts/soft", Transfer::move), Error);
    // The same file by a name outside of the store.
    fs::create_hard_link(payload, t.scratch / "outside");
    auto staged = t.store.stage_file(t.scratch / "outside", Transfer::move);
    CHECK(t.store.publish(staged, false) == Published::present);
    CHECK_FALSE(t.store.finish_move(staged));
    CHECK(t.store.matches(digest));
}

TEST_CASE("files of a process's scratch folder below the store can be moved in") {
    TestStore t;
    const auto source = t.scratch.file("storage/temp/1-0123456789abcdef/out.csv", "content");
    auto staged = t.store.stage_file(source, Transfer::move);
    t.store.publish(staged, false);
    CHECK(t.store.finish_move(staged));
    CHECK_FALSE(fs::exists(source));
}

TEST_CASE("a source that could not be removed is refused before anything is done") {
    TestStore t;
    if (::geteuid() != 0) {
        MESSAGE("skipped: only root can make files of another account");
        return;
    }
    const auto open_store = t.scratch / "open";
    fs::create_directory(open_store);
    REQUIRE(::chown(open_store.c_str(), 65534, 65534) == 0);
    fs::create_directory(t.scratch / "sticky");
    ::chmod((t.scratch / "sticky").c_str(), 01777);
    for (const auto* name : {"source", "sticky/source"}) {
        const auto source = t.scratch.file(name, "content");
        const auto said = as_nobody([&] {
            blobs::BlobStore store(open_store, {});
            store.create();
            auto staged = store.stage_file(source, Transfer::move);
            return std::string("staged");
        });
        CHECK(said.find("threw: can't move (remove) the source " + source.string()) == 0);
        CHECK(slurp(source) == "content");
    }
}

TEST_CASE("a payload moved into a group's store belongs to the group") {
    if (::geteuid() != 0) {
        MESSAGE("skipped: only root can choose the group");
        return;
    }
    TestStore t(blobs::Modes{true});
    REQUIRE(::chown((t.store.root() / "blobs").c_str(), static_cast<uid_t>(-1), 65534) == 0);
    ::chmod((t.store.root() / "blobs").c_str(), 02770);
    const auto source = t.scratch.file("source", "content");
    auto staged = t.store.stage_file(source, Transfer::move);
    t.store.publish(staged, false);
    struct stat status {};
    REQUIRE(::stat(t.store.path_of(staged.digest()).c_str(), &status) == 0);
    CHECK(status.st_gid == 65534);
    CHECK((status.st_mode & 07777U) == 0440U);
    CHECK(t.store.undo_move(staged, true));
    REQUIRE(::stat(source.c_str(), &status) == 0);
    CHECK(status.st_gid == 0);
}
