#include "blobs/support.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include <custody/error.hpp>

#include "blobs/durable.hpp"

using namespace custody;
using namespace custody::testing;
using blobs::open_source;
namespace fs = std::filesystem;

namespace {

std::string read_of(const blobs::Descriptor& file) {
    std::string bytes(100, '\0');
    const ssize_t count = ::read(file.get(), bytes.data(), bytes.size());
    REQUIRE(count >= 0);
    return bytes.substr(0, static_cast<std::size_t>(count));
}

}  // namespace

TEST_CASE("a regular file opens by an absolute and by a relative path") {
    const Scratch scratch;
    const auto file = scratch.file("folder/source", "content");
    CHECK(read_of(open_source(file, {})) == "content");
    CHECK(read_of(open_source(fs::relative(file), {})) == "content");
    CHECK(read_of(open_source(scratch / "folder/../folder/./source", {})) == "content");
}

TEST_CASE("a missing source is named in exactly the original's words") {
    const Scratch scratch;
    CHECK(message_of<SourceNotFound>([&] { open_source(scratch / "none", {}); }) ==
          "Source file not found: " + (scratch / "none").string());
    scratch.file("file", "x");
    CHECK(message_of<SourceNotFound>([&] { open_source(scratch / "file/below", {}); }).find("Source file not found: ") == 0);
    CHECK_THROWS_AS(open_source("", {}), SourceNotFound);
}

TEST_CASE("symbolic links are refused wherever they stand in the path") {
    const Scratch scratch;
    scratch.file("folder/source", "content");
    fs::create_symlink(scratch / "folder/source", scratch / "link");
    fs::create_symlink("folder", scratch / "linked_folder");
    fs::create_symlink("nowhere", scratch / "dangling");
    for (const auto* name : {"link", "linked_folder/source", "dangling", "linked_folder"}) {
        CAPTURE(name);
        const auto message = message_of<InvalidArgument>([&] { open_source(scratch / name, {}); });
        CHECK(message.find("symbolic link") != std::string::npos);
        CHECK(message.find("real path") != std::string::npos);
        CHECK(message.find((scratch / name).string()) != std::string::npos);
    }
    CHECK_THROWS_AS(open_source("/proc/self/fd/0", {}), InvalidArgument);
}

TEST_CASE("what is no regular file is refused at once, without waiting and without opening it") {
    const Scratch scratch;
    fs::create_directory(scratch / "folder");
    CHECK_THROWS_AS(open_source(scratch / "folder", {}), SourceIsDirectory);
    CHECK_THROWS_AS(open_source(scratch / "folder/", {}), SourceIsDirectory);
    REQUIRE(::mkfifo((scratch / "fifo").c_str(), 0600) == 0);
    CHECK_THROWS_AS(open_source(scratch / "fifo", {}), InvalidArgument);
    CHECK_THROWS_AS(open_source("/dev/null", {}), InvalidArgument);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto name = (scratch / "s").string();
    REQUIRE(name.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, name.c_str(), name.size());
    const blobs::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK_THROWS_AS(open_source(name, {}), InvalidArgument);
}

TEST_CASE("impossible names are refused") {
    const Scratch scratch;
    CHECK_THROWS_AS(open_source(std::string("a\0b", 3), {}), InvalidArgument);
    CHECK_THROWS_AS(open_source(scratch / std::string(300, 'n'), {}), InvalidArgument);
    std::string deep = scratch.path().string();
    while (deep.size() < 5000) deep += "/x";
    CHECK_THROWS_AS(open_source(deep, {}), InvalidArgument);
}

TEST_CASE("the store's own view may be a source, links to payloads and all") {
    TestStore t;
    const auto digest = t.add("content");
    const auto view = t.scratch / "storage/artifacts";
    fs::create_directory(view / "video_raw");
    const auto target = fs::path("../../blobs") / digest.hex().substr(0, 2) / digest.hex();
    fs::create_symlink(target, view / "video_raw/soft.mp4");
    fs::create_hard_link(t.store.path_of(digest), view / "video_raw/hard.mp4");
    fs::create_symlink(t.scratch.path(), t.scratch / "elsewhere");
    for (const auto* name : {"video_raw/soft.mp4", "video_raw/hard.mp4"}) {
        CAPTURE(name);
        CHECK(read_of(open_source(view / name, view)) == "content");
        CHECK(read_of(open_source(fs::relative(view / name), view)) == "content");
        // A store that is used by a path with a link in it hands out such paths.
        const auto linked = t.scratch / "elsewhere/storage/artifacts";
        CHECK(read_of(open_source(linked / name, linked)) == "content");
        CHECK(read_of(open_source(view / name, linked)) == "content");
    }
    CHECK_THROWS_AS(open_source(view / "video_raw/soft.mp4", {}), InvalidArgument);
    CHECK_THROWS_AS(open_source(view / "video_raw/soft.mp4", t.scratch / "storage/artifacts/video"), InvalidArgument);
}

TEST_CASE("a foreign link in the store's view is refused like any other") {
    TestStore t;
    const auto view = t.scratch / "storage/artifacts";
    const auto secret = t.scratch.file("secret", "x");
    fs::create_symlink(secret, view / "planted");
    fs::create_directory_symlink(t.scratch.path(), view / "folder");
    CHECK_THROWS_AS(open_source(view / "planted", view), InvalidArgument);
    CHECK_THROWS_AS(open_source(view / "folder/secret", view), InvalidArgument);
    CHECK_THROWS_AS(open_source(view / "../artifacts/planted", view), InvalidArgument);
}

TEST_CASE("an unreadable source says so") {
    const Scratch scratch;
    ::chmod(scratch.path().c_str(), 0755);
    const auto file = scratch.file("source", "x");
    ::chmod(file.c_str(), ::geteuid() == 0 ? 0600 : 0000);
    const auto said = as_nobody([&] {
        open_source(file, {});
        return std::string("opened");
    });
    CHECK(said.find("threw: can't open the source " + file.string() + ": Permission denied; check") == 0);
}
