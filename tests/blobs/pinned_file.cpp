#include "blobs/pinned_file.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include <custody/error.hpp>

#include "blobs/copy.hpp"
#include "blobs/descriptor.hpp"
#include "blobs/read_lease.hpp"
#include "blobs/support.hpp"

using namespace custody;
using namespace custody::testing;
using blobs::Abilities;
using blobs::Descriptor;
using blobs::PinnedFile;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

std::string some_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    std::uint32_t state = 1;
    for (auto& byte : bytes) byte = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
    return bytes;
}

Descriptor open_for_reading(const fs::path& path) { return Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); }

// How much of the file is shown, and whether it is what the file holds.
std::size_t shown(int file, std::string_view content, const Abilities& abilities = {}) {
    PinnedFile pinned(file, content.size(), abilities);
    std::size_t done = 0;
    for (auto piece = pinned.next(); !piece.empty(); piece = pinned.next()) {
        const std::string_view bytes(reinterpret_cast<const char*>(piece.data()), piece.size());
        REQUIRE(bytes == content.substr(done, bytes.size()));
        done += bytes.size();
    }
    return done;
}

}  // namespace

TEST_CASE("all of a file is shown where it is, whatever its size") {
    Scratch scratch;
    for (const std::size_t size : {std::size_t{1}, mebibyte, 4 * mebibyte, 4 * mebibyte + 1, 9 * mebibyte + 4095}) {
        CAPTURE(size);
        const auto content = some_bytes(size);
        const auto file = open_for_reading(scratch.file("payload", content));
        CHECK(shown(file.get(), content) == size);
        CHECK_FALSE(blobs::read_lease_holds(file.get()));
    }
}

TEST_CASE("a hash in place is that of what is read, from a file's begin wherever the file stands") {
    Scratch scratch;
    for (const std::size_t size : {std::size_t{0}, std::size_t{5}, mebibyte / 4 - 1, mebibyte / 4, 5 * mebibyte + 77}) {
        CAPTURE(size);
        const auto content = some_bytes(size);
        const auto path = scratch.file("payload", content);
        const auto file = open_for_reading(path);
        ::lseek(file.get(), 3, SEEK_SET);
        Abilities none;
        none.lease = false;
        std::uint64_t told = 0;
        const auto tell = [&](std::uint64_t done) { told = done; };
        const auto in_place = blobs::hash_in_place({file.get(), path}, {}, tell);
        CHECK(told == size);
        CHECK(in_place.digest == base::sha256(content));
        CHECK(in_place.size_bytes == size);
        CHECK(blobs::hash_in_place({file.get(), path}, none).digest == base::sha256(content));
    }
}

TEST_CASE("nothing is shown of a file that could be cut meanwhile") {
    Scratch scratch;
    const auto content = some_bytes(mebibyte);
    const auto path = scratch.file("payload", content);
    const auto file = open_for_reading(path);
    Abilities abilities;
    Descriptor writer;
    SUBCASE("somebody has it open for writing") { writer = Descriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC)); }
    SUBCASE("no leases") { abilities.lease = false; }
    CHECK(shown(file.get(), content, abilities) == 0);
    CHECK(blobs::hash_in_place({file.get(), path}, abilities).digest == base::sha256(content));
}

TEST_CASE("who cuts a file while it is hashed waits for a window and no longer, and the process lives") {
    Scratch scratch;
    const auto content = some_bytes(16 * mebibyte);
    const auto path = scratch.file("payload", content);
    const auto file = open_for_reading(path);
    std::thread cutter;
    std::uint64_t told = 0;
    const auto hashed = blobs::hash_in_place({file.get(), path}, {}, [&](std::uint64_t done) {
        told = done;
        if (cutter.joinable()) return;
        REQUIRE(done < content.size());
        REQUIRE(blobs::read_lease_holds(file.get()));
        cutter = std::thread([&] { REQUIRE(::truncate(path.c_str(), 100) == 0); });
        while (blobs::read_lease_holds(file.get())) std::this_thread::yield();
    });
    cutter.join();
    CHECK(fs::file_size(path) == 100);
    // What came after the first window is as much as was there when it was read: the cut waited for the window alone.
    CHECK(hashed.size_bytes == told);
}

TEST_CASE("where no memory may be locked a payload is read") {
    Scratch scratch;
    fs::permissions(scratch.path(), fs::perms::all);
    const auto content = some_bytes(mebibyte);
    CHECK(as_nobody([&] {
              const rlimit none{0, 0};
              if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) return std::string("no limit");
              const auto path = scratch.file("payload", content);
              const auto file = open_for_reading(path);
              if (shown(file.get(), content) != 0) return std::string("shown");
              return blobs::hash_in_place({file.get(), path}, {}).digest.hex();
          }) == base::sha256(content).hex());
}

TEST_CASE("what a disk can't read is an error, neither the end of the process nor a wait without one") {
    Scratch scratch;
    Mount disk(scratch / "disk");
    const auto image = scratch / "image";
    if (!disk.image(image, 64, "mkfs.ext4 -q -m 0 -E lazy_itable_init=0")) {
        MESSAGE("skipped: no disk of one's own here");
        return;
    }
    const auto path = disk.where / "payload";
    std::ofstream(path) << some_bytes(48 * mebibyte);
    const auto file = open_for_reading(path);
    REQUIRE(::fsync(file.get()) == 0);
    REQUIRE(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) == 0);
    // The disk ends before the file does.
    fs::resize_file(image, 32 * mebibyte);
    const auto shrunk = shell("PATH=$PATH:/usr/sbin:/sbin; losetup -c $(losetup -n -O NAME -j '" + image.string() + "')");
    CAPTURE(shrunk.err);
    REQUIRE(shrunk.exit_code == 0);
    ::alarm(60);  // for a kernel that tries for ever
    std::uint64_t told = 0;
    CHECK_THROWS_AS(blobs::hash_in_place({file.get(), path}, {}, [&](std::uint64_t done) { told = done; }), IoError);
    ::alarm(0);
    CHECK(told >= 4 * mebibyte);
    CHECK_FALSE(blobs::read_lease_holds(file.get()));
}
