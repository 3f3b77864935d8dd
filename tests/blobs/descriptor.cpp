#include "blobs/descriptor.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace custody;

namespace {

// How many descriptors the kernel's table of this process has room for.
std::size_t table_size() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        if (word == "FDSize:") return status >> word ? std::stoul(word) : 0;
    }
    return 0;
}

std::ptrdiff_t open_files() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

}  // namespace

TEST_CASE("room for many descriptors is made at once, and none of them stays open") {
    const auto before = open_files();
    REQUIRE(table_size() < 900);
    blobs::make_room_for_descriptors(900);
    CHECK(table_size() >= 900);
    CHECK(open_files() == before);
}

TEST_CASE("where the limit of open files doesn't allow so many descriptors nothing happens") {
    const auto before = table_size();
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = 64;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    blobs::make_room_for_descriptors(900);
    CHECK(table_size() == before);
}
