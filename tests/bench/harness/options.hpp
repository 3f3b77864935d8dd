#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/harness/world.hpp"

namespace custody::bench {

/// What the command line asks for.
struct Options {
    World world{};
    std::vector<std::string> cases{};  ///< empty: all
    bool json = false;
    bool list = false;
    bool help = false;
    bool keep = false;
    std::vector<std::string> worker{};  ///< what a case has started this process for
};

extern const char* const usage;

/// @throws std::invalid_argument, with what is wrong
Options parse_options(const std::vector<std::string>& arguments);

}  // namespace custody::bench
