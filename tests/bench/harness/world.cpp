#include "bench/harness/world.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "bench/harness/measure.hpp"

namespace custody::bench {

std::size_t World::scaled(std::size_t full, std::size_t least) const {
    return std::max(least, static_cast<std::size_t>(std::llround(static_cast<double>(full) * scale)));
}

int World::rounds(int wanted) const { return most_rounds == 0 ? wanted : std::min(wanted, most_rounds); }

std::filesystem::path World::fresh(const std::string& name) const {
    const auto path = folder / name;
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    return path;
}

Built World::store(std::size_t artifacts) const {
    const auto path = folder / ("store-" + std::to_string(artifacts));
    Built built;
    const auto seconds = seconds_of([&] { built = build_store(path, artifacts); });
    if (seconds > 1) say(std::to_string(artifacts) + " artifacts made in " + std::to_string(std::lround(seconds)) + " s");
    return built;
}

void World::say(const std::string& text) const {
    if (!quiet) std::cerr << "  [" << text << "]" << std::endl;
}

}  // namespace custody::bench
