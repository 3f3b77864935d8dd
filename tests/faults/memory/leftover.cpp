#include "faults/memory/leftover.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/sha256.hpp"

namespace custody::faults {

namespace {

/// A file's name without the seconds in which it was made.
std::string timeless(std::string name) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto begin = std::search_n(name.begin(), name.end(), 10, true, [&](char c, bool) { return is_digit(c); });
    name.erase(begin, std::find_if_not(begin, name.end(), is_digit));
    return name;
}

}  // namespace

std::string left_by(const World& world, int code) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(world.root())) {
        const auto name = entry.path().lexically_relative(world.root()).string();
        if (!name.ends_with("-shm")) files[timeless(name)] = entry.is_regular_file() ? slurp(entry.path()) : "";
    }
    base::Sha256 all;
    all.update(std::to_string(code));
    for (const auto& [name, bytes] : files) {
        all.update("\n" + name + " " + std::to_string(bytes.size()) + "\n");
        all.update(bytes);
    }
    return all.finish().hex();
}

}  // namespace custody::faults
