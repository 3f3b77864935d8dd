#include <custody/artifact_manager.hpp>

#include <doctest/doctest.h>

#include <string>

#include "support/scratch.hpp"

TEST_CASE("the library's version is the project's") {
    const std::string project = custody::testing::slurp(CUSTODY_SOURCE_DIR "/CMakeLists.txt");
    CHECK(project.find(std::string("project(custody VERSION ") + custody::version() + " ") != std::string::npos);
}
