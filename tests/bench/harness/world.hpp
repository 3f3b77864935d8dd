#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "bench/harness/store.hpp"

namespace custody::bench {

/// What is asked of a run, and what the cases share.
struct World {
    std::filesystem::path folder;   ///< where everything is written
    std::filesystem::path command;  ///< the command line
    double scale = 0.01;            ///< 1: a million artifacts, files of 8 GiB; 0: as little as works
    int most_rounds = 0;            ///< 0: as many as each case wants
    bool quiet = false;

    /// So much at full scale, less below it; never less than `least`.
    [[nodiscard]] std::size_t scaled(std::size_t full, std::size_t least) const;
    [[nodiscard]] int rounds(int wanted) const;
    /// An empty folder of this name.
    [[nodiscard]] std::filesystem::path fresh(const std::string& name) const;
    /// A store of so many artifacts, made once and then shared: what a case adds to it stays.
    [[nodiscard]] Built store(std::size_t artifacts) const;
    /// To whoever waits.
    void say(const std::string& text) const;
};

}  // namespace custody::bench
