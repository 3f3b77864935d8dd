#include <sstream>

#include <custody/error.hpp>

#include "blobs/durable.hpp"
#include "blobs/support.hpp"

using namespace custody::testing;
using custody::blobs::network_file_system;

TEST_CASE("local file systems are not taken for a network's, nor is a path that is still to be made") {
    const Scratch scratch;
    CHECK(network_file_system(scratch.path()).empty());
    CHECK(network_file_system(scratch / "not/yet/there").empty());
    CHECK(network_file_system("relative/and/missing").empty());
    CHECK(network_file_system("/proc").empty());
    scratch.file("file", "x");
    CHECK_THROWS_AS(network_file_system(scratch / "file/below"), custody::IoError);
}

TEST_CASE("a network file system is named by its magic number") {
    // None can be mounted without a server, so what the machine has is looked at.
    const auto mounts = slurp("/proc/self/mounts");
    std::size_t seen = 0;
    std::istringstream lines(mounts);
    for (std::string device, where, type, rest; lines >> device >> where >> type && std::getline(lines, rest);) {
        if (type.starts_with("nfs") || type == "cifs" || type == "9p" || type.starts_with("fuse.")) {
            CHECK_FALSE(network_file_system(where).empty());
            ++seen;
        }
    }
    if (seen == 0) MESSAGE("skipped: no network file system is mounted here");
}
