#include "blobs/resolve.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "blobs/descriptor.hpp"
#include "blobs/support.hpp"

using namespace custody::testing;
using custody::blobs::Descriptor;
namespace fs = std::filesystem;

TEST_CASE("the walk answers as openat2 does") {
    const Scratch scratch;
    scratch.file("folder/file", "x");
    fs::create_symlink("folder", scratch / "linked");
    fs::create_symlink("folder/file", scratch / "link");
    fs::create_symlink("none", scratch / "dangling");
    const Descriptor base(::open(scratch.path().c_str(), O_PATH | O_DIRECTORY));
    for (const int flags : {O_RDONLY, O_PATH, O_PATH | O_DIRECTORY, O_RDONLY | O_DIRECTORY}) {
        for (const std::string name : {"folder/file", "folder//file", "folder/../folder/file", "linked/file", "link", "dangling",
                                       "none", "none/x", "folder", "folder/", "folder/file/", "folder/file/x", "linked/",
                                       "linked", "", ".", "..", "./folder/.", "linked/../folder/file"}) {
            for (const bool absolute : {false, true}) {
                const auto path = absolute ? scratch.path().string() + "/" + name : name;
                CAPTURE(path);
                CAPTURE(flags);
                errno = 0;
                const Descriptor kernel(custody::blobs::open_without_links(base.get(), path, flags));
                const int kernel_error = kernel ? 0 : errno;
                const Descriptor walk(custody::blobs::walk_without_links(base.get(), path, flags));
                CHECK((walk ? 0 : errno) == kernel_error);
                if (kernel && walk) {
                    struct stat a {};
                    struct stat b {};
                    REQUIRE((::fstat(kernel.get(), &a) == 0 && ::fstat(walk.get(), &b) == 0));
                    CHECK(a.st_ino == b.st_ino);
                    CHECK((::fcntl(walk.get(), F_GETFD) & FD_CLOEXEC) != 0);
                }
            }
        }
    }
    CHECK(Descriptor(custody::blobs::walk_without_links(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY)));
}

TEST_CASE("a sandbox without openat2 refuses symbolic links all the same") {
    if (!can_trace()) return;
    TestStore t;
    fs::create_symlink(t.scratch.file("source", "content"), t.scratch / "link");
    for (const std::string error : {"ENOSYS", "EPERM"}) {
        const std::string inject = "-o /dev/null -e trace=openat2 -e inject=openat2:error=" + error;
        CHECK(drive("add " + t.store.root().string() + " " + (t.scratch / "source").string(), inject).exit_code == 0);
        const auto refused = drive("add " + t.store.root().string() + " " + (t.scratch / "link").string(), inject);
        CHECK(refused.exit_code == 1);
        CHECK(refused.err.find("symbolic link") != std::string::npos);
    }
}
