#include "blobs/durable.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <thread>

#include <custody/error.hpp>

#include "blobs/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

TEST_CASE("a folder is made with exact permissions, and one that is there is left alone") {
    const Scratch scratch;
    const mode_t before = ::umask(0777);
    blobs::make_folder(scratch / "folder", 02770);
    ::umask(before);
    CHECK(mode_of(scratch / "folder") == 02770U);
    blobs::make_folder(scratch / "folder", 0700);
    CHECK(mode_of(scratch / "folder") == 02770U);
    scratch.file("file", "x");
    CHECK_THROWS_AS(blobs::make_folder(scratch / "file", 0700), IoError);
    CHECK_THROWS_AS(blobs::make_folder(scratch / "missing/folder", 0700), IoError);
}

TEST_CASE("what is missing above a folder is made, and a file in the way is named") {
    const Scratch scratch;
    blobs::make_parents(scratch / "one/two/three");
    CHECK(fs::is_directory(scratch / "one/two"));
    CHECK_FALSE(fs::exists(scratch / "one/two/three"));
    blobs::make_parents(scratch / "one/two/three");
    fs::create_directory_symlink(scratch / "one", scratch / "link");
    blobs::make_parents(scratch / "link/other/three");
    CHECK(fs::is_directory(scratch / "one/other"));
    scratch.file("file", "x");
    fs::create_symlink("nowhere", scratch / "dangling");
    for (const auto* const barred : {"file", "dangling"}) {
        const auto said = message_of<IoError>([&] { blobs::make_parents(scratch / barred / "two"); });
        CHECK(said.find((scratch / barred).string()) != std::string::npos);
        CHECK(said.find("Not a directory") != std::string::npos);
    }
}

TEST_CASE("syncing or writing what can't be is an error that names it") {
    const Scratch scratch;
    CHECK(message_of<IoError>([&] { blobs::sync_folder(scratch / "none"); }).find((scratch / "none").string()) !=
          std::string::npos);
    CHECK(message_of<IoError>([] { blobs::sync_file(-1, "some/file"); }).find("some/file") != std::string::npos);
    const blobs::Descriptor full(::open("/dev/full", O_WRONLY));
    CHECK(message_of<IoError>([&] { blobs::write_all(full.get(), "x", "/dev/full"); }).find("free some space") !=
          std::string::npos);
}

TEST_CASE("all of it is written, whatever the pipe takes at a time") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const std::string content(1000000, 'p');
    std::string heard;
    std::thread reader([&] {
        char buffer[777];
        for (ssize_t count = 0; (count = ::read(ends[0], buffer, sizeof buffer)) > 0;)
            heard.append(buffer, static_cast<std::size_t>(count));
    });
    blobs::write_all(ends[1], content, "pipe");
    ::close(ends[1]);
    reader.join();
    ::close(ends[0]);
    CHECK(heard == content);
}

TEST_CASE("a file is written whole, over what was there, with exact permissions") {
    const Scratch scratch;
    for (const std::string& piece : {std::string("x"), std::string(100000, 'y'), std::string(600000, 'z')}) {
        blobs::write_atomically(scratch / "out", 0640, [&](const auto& append) {
            append(piece);
            append("-");
            append(piece);
        });
        CHECK(slurp(scratch / "out") == piece + "-" + piece);
    }
    CHECK(mode_of(scratch / "out") == 0640U);
    CHECK(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a file that must not be replaced is not, even where it appears while its namesake is written") {
    const Scratch scratch;
    const auto write = [&](const char* name, const std::function<void()>& meanwhile) {
        blobs::write_atomically(
            scratch / name, 0600,
            [&](const auto& append) {
                append("new");
                meanwhile();
            },
            blobs::IfThere::refuse);
    };
    write("fresh", [] {});
    CHECK(slurp(scratch / "fresh") == "new");
    const auto said = message_of<IoError>([&] { write("late", [&] { scratch.file("late", "theirs"); }); });
    CHECK(said.find("is there already") != std::string::npos);
    CHECK(slurp(scratch / "late") == "theirs");
    fs::create_symlink("nowhere", scratch / "link");
    CHECK_THROWS_AS(blobs::refuse_existing(scratch / "link"), IoError);
    CHECK_NOTHROW(blobs::refuse_existing(scratch / "nothing"));
    CHECK(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()) == 3);
}

TEST_CASE("a file whose writing fails is as it was, and nothing lies beside it") {
    const Scratch scratch;
    scratch.file("out", "old");
    CHECK_THROWS_AS(blobs::write_atomically(scratch / "out", 0600,
                                            [](const auto& append) {
                                                append(std::string(1000000, 'n'));
                                                throw InvalidArgument("no");
                                            }),
                    InvalidArgument);
    CHECK(slurp(scratch / "out") == "old");
    fs::create_directory(scratch / "folder");
    CHECK_THROWS_AS(blobs::write_atomically(scratch / "folder", 0600, [](const auto& append) { append("x"); }), IoError);
    CHECK(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()) == 2);
}
