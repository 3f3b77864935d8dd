#include "blobs/blob_store.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <custody/error.hpp>

#include "blobs/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

TEST_CASE("a payload lies under the SHA-256 of its content") {
    TestStore t;
    // FIPS 180-4's example.
    CHECK(t.store.path_of(t.add("abc")) ==
          t.store.root() / "blobs/ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("looking at, opening and verifying a payload tell what became of it") {
    TestStore t;
    const auto digest = t.add("content");
    const auto path = t.store.path_of(digest);
    CHECK(t.store.stat(digest)->size_bytes == 7);
    std::uint64_t hashed = 0;
    CHECK(t.store.matches(digest, [&](std::uint64_t done) { hashed = done; }));
    CHECK(hashed == 7);
    CHECK(t.store.open(digest).get() >= 0);
    ::chmod(path.c_str(), 0600);
    t.scratch.file(path.lexically_relative(t.scratch.path()).string(), "CONTENT");
    CHECK_FALSE(t.store.matches(digest));
    fs::remove(path);
    CHECK_FALSE(t.store.stat(digest));
    CHECK_FALSE(t.store.matches(digest));
    CHECK_THROWS_AS((void)t.store.open(digest), Corruption);
    fs::create_symlink(t.scratch.file("elsewhere", "content"), path);
    CHECK_FALSE(t.store.stat(digest));
    CHECK_FALSE(t.store.matches(digest));
    CHECK_THROWS_AS((void)t.store.open(digest), Corruption);
    fs::remove(path);
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK_THROWS_AS((void)t.store.open(digest), Corruption);
}

TEST_CASE("making a store where one is changes nothing") {
    TestStore t;
    const auto digest = t.add("content");
    t.store.create();
    CHECK(t.store.matches(digest));
}

TEST_CASE("a store whose folder can't be looked through is an error, not a missing payload") {
    TestStore t;
    const auto digest = t.add("content");
    if (::geteuid() != 0) ::chmod((t.store.root() / "blobs").c_str(), 0000);
    const auto said = as_nobody([&] { return std::string(t.store.stat(digest) ? "there" : "missing"); });
    CHECK(said.find("threw: can't look at the payload") == 0);
    ::chmod((t.store.root() / "blobs").c_str(), 0700);
}
