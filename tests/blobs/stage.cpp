#include "blobs/support.hpp"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <thread>

#include <custody/error.hpp>

#include "blobs/descriptor.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;
using Candidate = blobs::BlobStore::Candidate;

namespace {

std::string noise(std::size_t size) {
    std::string bytes(size, '\0');
    std::uint32_t state = 12345;
    for (auto& byte : bytes) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<char>(state >> 24U);
    }
    return bytes;
}

bool shares_extents(const fs::path& path) {
    alignas(fiemap) std::array<std::byte, sizeof(fiemap) + 16 * sizeof(fiemap_extent)> memory{};
    auto* map = reinterpret_cast<fiemap*>(memory.data());
    map->fm_length = FIEMAP_MAX_OFFSET;
    map->fm_extent_count = 16;
    const blobs::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(::ioctl(file.get(), FS_IOC_FIEMAP, map) == 0);
    REQUIRE(map->fm_mapped_extents > 0);
    return (map->fm_extents[0].fe_flags & FIEMAP_EXTENT_SHARED) != 0;
}

}  // namespace

TEST_CASE("a staged file has the hash of its bytes and leaves nothing behind unless it is published") {
    TestStore t;
    for (const std::size_t size : {0UL, 1UL, 4095UL, 4096UL, 1048576UL, 3145733UL}) {
        const auto content = noise(size);
        const auto source = t.scratch.file("source", content);
        {
            auto staged = t.store.stage_file(source, Transfer::copy);
            CHECK(staged.digest() == base::sha256(content));
            CHECK(staged.size_bytes() == size);
            CHECK(t.files().empty());
        }
        CHECK(t.files().empty());
        auto staged = t.store.stage_file(source, Transfer::copy);
        REQUIRE(t.store.publish(staged, false) == blobs::Published::added);
        CHECK(slurp(t.store.path_of(staged.digest())) == content);
        CHECK(t.store.stat(staged.digest())->mtime_ns == staged.mtime_ns());
        CHECK(inode_of(t.store.path_of(staged.digest())) != inode_of(source));
        t.store.discard(staged.digest());
        t.store.sweep_trash(0);
    }
}

TEST_CASE("a payload's permissions are exact whatever the umask") {
    for (const mode_t mask : {mode_t{0}, mode_t{0777}}) {
        for (const bool group : {false, true}) {
            const mode_t before = ::umask(0022);
            TestStore t(blobs::Modes{group});
            ::umask(mask);
            const auto digest = t.add("x");
            t.store.create();
            ::umask(before);
            CHECK(mode_of(t.store.path_of(digest)) == (group ? 0440U : 0400U));
            CHECK(mode_of(t.store.root() / "blobs") == (group ? 02770U : 0700U));
            CHECK(mode_of(t.store.path_of(digest).parent_path()) == (group ? 02770U : 0700U));
            CHECK(mode_of(t.store.root() / "trash") == (group ? 02770U : 0700U));
        }
    }
}

TEST_CASE("a source that changes while it is read is refused, however it changes") {
    TestStore t;
    const auto content = noise(5U << 20U);
    const std::vector<std::pair<std::string, std::function<void(const fs::path&)>>> changes{
        {"appended to", [](const fs::path& path) { std::ofstream(path, std::ios::app) << "more"; }},
        {"cut", [](const fs::path& path) { fs::resize_file(path, 3U << 20U); }},
        {"overwritten, and its time put back", [](const fs::path& path) {
             const auto time = fs::last_write_time(path);
             std::ofstream(path, std::ios::in | std::ios::binary) << "other bytes";
             fs::last_write_time(path, time);
         }}};
    for (const auto& [name, apply] : changes) {
        CAPTURE(name);
        const auto source = t.scratch.file("source", content);
        bool changed = false;
        const auto progress = [&](std::uint64_t) {
            if (!changed) apply(source);
            changed = true;
        };
        const auto message = message_of<IoError>([&] { auto s = t.store.stage_file(source, Transfer::copy, progress); });
        CHECK(message.find("changed while it was read") != std::string::npos);
        CHECK(message.find(source.string()) != std::string::npos);
        CHECK(t.files().empty());
    }
}

TEST_CASE("a pipe is read to its end, and waited for where it does not block") {
    TestStore t;
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_NONBLOCK) == 0);
    const auto content = noise(300000);
    std::thread writer([&] {
        std::string_view rest = content;
        while (!rest.empty()) {
            const ssize_t count = ::write(ends[1], rest.data(), std::min<std::size_t>(rest.size(), 50000));
            if (count > 0) rest.remove_prefix(static_cast<std::size_t>(count));
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        ::close(ends[1]);
    });
    auto staged = t.store.stage_descriptor(ends[0]);
    writer.join();
    CHECK(::close(ends[0]) == 0);  // it stays the caller's
    CHECK(staged.digest() == base::sha256(content));
}

TEST_CASE("an open file is read from where it stands") {
    TestStore t;
    const auto source = t.scratch.file("source", "0123456789");
    const blobs::Descriptor file(::open(source.c_str(), O_RDONLY));
    REQUIRE(::lseek(file.get(), 4, SEEK_SET) == 4);
    CHECK(t.store.stage_descriptor(file.get()).digest() == base::sha256("456789"));
    CHECK(t.store.stage_descriptor(file.get()).size_bytes() == 0);
}

TEST_CASE("a descriptor that can't be read is refused") {
    TestStore t;
    const auto source = t.scratch.file("source", "x");
    const blobs::Descriptor write_only(::open(source.c_str(), O_WRONLY));
    const blobs::Descriptor folder(::open(t.scratch.path().c_str(), O_RDONLY));
    CHECK_THROWS_AS((void)t.store.stage_descriptor(write_only.get()), InvalidArgument);
    CHECK_THROWS_AS((void)t.store.stage_descriptor(-1), InvalidArgument);
    CHECK_THROWS_AS((void)t.store.stage_descriptor(folder.get()), SourceIsDirectory);
}

TEST_CASE("a full disk is an error that says what to do, and leaves nothing behind") {
    const Scratch scratch;
    Mount disk(scratch / "disk");
    if (!disk.tmpfs("size=3m")) {
        MESSAGE("skipped: no file system may be mounted here");
        return;
    }
    const auto source = scratch.file("source", noise(8U << 20U));
    for (const bool tmpfile : {true, false}) {
        blobs::Abilities abilities;
        abilities.tmpfile = tmpfile;
        blobs::BlobStore store(disk.where, {}, {}, abilities);
        store.create();
        struct statvfs before {};
        struct statvfs after {};
        ::statvfs(disk.where.c_str(), &before);
        for (const auto transfer : {Transfer::copy, Transfer::reflink, Transfer::move}) {
            try {
                auto staged = store.stage_file(source, transfer);
                FAIL("it fitted");
            } catch (const IoError& error) {
                CHECK(error.code() == ENOSPC);
                CHECK(std::string(error.what()).find("free some space") != std::string::npos);
                CHECK(std::string(error.what()).find(disk.where.string()) != std::string::npos);
            }
        }
        CHECK(fs::exists(source));
        ::statvfs(disk.where.c_str(), &after);
        CHECK(after.f_bfree == before.f_bfree);
        CHECK(after.f_ffree == before.f_ffree);
        auto small = store.stage_bytes("still fits");
        CHECK(store.publish(small, false) == (tmpfile ? blobs::Published::added : blobs::Published::present));
    }
}

TEST_CASE("a clone shares its source's blocks where the file system can, and has its own hash") {
    const Scratch scratch;
    Mount disk(scratch / "disk");
    if (!disk.image(scratch / "image", 512, "mkfs.xfs -q -m reflink=1") &&
        !disk.image(scratch / "image2", 256, "mkfs.btrfs -q")) {
        MESSAGE("skipped: no XFS or btrfs can be made and mounted here");
        return;
    }
    const auto content = noise(3U << 20U);
    std::ofstream(disk.where / "source", std::ios::binary) << content;
    blobs::BlobStore store(disk.where, {});
    store.create();
    auto cloned = store.stage_file(disk.where / "source", Transfer::reflink);
    CHECK(cloned.digest() == base::sha256(content));
    REQUIRE(store.publish(cloned, false) == blobs::Published::added);
    CHECK(shares_extents(store.path_of(cloned.digest())));
    CHECK(mode_of(store.path_of(cloned.digest())) == 0400U);
    std::ofstream(disk.where / "source", std::ios::binary | std::ios::in) << "later edit";
    CHECK(store.matches(cloned.digest()));
}

TEST_CASE("where nothing can be cloned a reflink is a copy") {
    TestStore t;
    const auto source = t.scratch.file("source", "abc");
    blobs::Abilities abilities;
    abilities.clone = false;
    blobs::BlobStore store(t.store.root(), {}, {}, abilities);
    CHECK(store.stage_file(source, Transfer::reflink).digest() == base::sha256("abc"));
}

TEST_CASE("a store of another account, or a read-only one, is an error that names it") {
    if (::geteuid() != 0) {
        MESSAGE("skipped: only root can make files of another account");
        return;
    }
    TestStore t;
    t.scratch.file("source", "x");
    ::chmod((t.scratch / "storage").c_str(), 0755);
    const auto said = as_nobody([&] {
        auto staged = t.store.stage_file(t.scratch / "source", Transfer::copy);
        return std::string("staged");
    });
    CHECK(said.find("threw: can't make a file in") == 0);
    CHECK(said.find("Permission denied; check the owner") != std::string::npos);

    Mount disk(t.scratch / "disk");
    if (!disk.tmpfs("size=1m")) return;
    blobs::BlobStore store(disk.where, {});
    store.create();
    REQUIRE(shell("mount -o remount,ro '" + disk.where.string() + "'").exit_code == 0);
    const auto message = message_of<IoError>([&] { auto s = store.stage_bytes("x"); });
    CHECK(message.find("mounted read-only") != std::string::npos);
}

TEST_CASE("a file that is stored already is compared and not written, whatever else is of its size") {
    for (const bool trusted : {false, true}) {
        CAPTURE(trusted);
        TestStore t;
        const auto content = noise(3U << 20U);
        auto other = content;
        other.back() ^= 1;
        const auto digest = t.add(content);
        const std::vector<Candidate> candidates{
            {base::sha256("not there"), trusted}, {t.add(other), trusted}, {t.add("short"), trusted}, {digest, trusted}};
        const auto source = t.scratch.file("source", content);
        const auto before = t.files();
        auto staged = t.store.stage_stored(source, candidates);
        REQUIRE(staged);
        CHECK(staged->digest() == digest);
        CHECK(staged->size_bytes() == content.size());
        CHECK(staged->mtime_ns() == t.store.stat(digest)->mtime_ns);
        CHECK(staged->closed());
        CHECK(t.files() == before);

        CHECK_FALSE(t.store.stage_stored(t.scratch.file("longer", content + "x"), candidates));
        CHECK_FALSE(t.store.stage_stored(source, std::span(candidates).first(3)));
        CHECK_THROWS_AS((void)t.store.stage_stored(t.scratch / "missing", candidates), SourceNotFound);
        ::chmod(t.store.path_of(digest).c_str(), 0600);
        std::ofstream(t.store.path_of(digest)) << other;  // no longer what its name says
        CHECK_FALSE(t.store.stage_stored(source, candidates));
        CHECK_FALSE(t.store.stage_stored(t.scratch.file("other", other), std::span(candidates).last(1)));
    }
}

TEST_CASE("what differs from a trusted payload where nobody looked first is hashed, once, and not taken for it") {
    TestStore t;
    const auto content = noise(3U << 20U);
    const auto with = [&](std::size_t place) {
        auto other = content;
        other[place] ^= 1;
        return other;
    };
    const std::vector<Candidate> candidates{{t.add(with(9000)), true}, {t.add(with(9001)), true}};
    std::uint64_t read = 0;
    const auto source = t.scratch.file("source", content);
    const auto count = [&, before = std::uint64_t{0}](std::uint64_t done) mutable {
        read += done - std::min(before, done);
        before = done;
    };
    CHECK_FALSE(t.store.stage_stored(source, candidates, count));
    CHECK(read == content.size());
    // Where they differ in one of the places nothing else is read.
    for (const auto place : {std::size_t{0}, content.size() / 15, content.size() - 1}) {
        read = 0;
        CHECK_FALSE(t.store.stage_stored(t.scratch.file("another", with(place)), std::span(candidates).first(1), count));
        CHECK(read == 0);
    }
}

TEST_CASE("a file that changes while it is compared with what is stored is not taken for it") {
    TestStore t;
    const auto content = noise(3U << 20U);
    const std::vector<Candidate> candidates{{t.add(content), false}};
    const auto source = t.scratch.file("source", content);
    const auto change = [&](std::uint64_t) { std::fstream(source) << "what was read already"; };
    CHECK_FALSE(t.store.stage_stored(source, candidates, change));
    struct Stopped {};
    CHECK_THROWS_AS(
        (void)t.store.stage_stored(t.scratch.file("again", content), candidates, [](std::uint64_t) { throw Stopped(); }),
        Stopped);
}
