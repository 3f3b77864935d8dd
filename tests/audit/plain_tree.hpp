#pragma once

#include <custody/ids.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/sha256.hpp"

/// RFC 6962, section 2.1, word by word: slow, and written apart from the library's tree, to be compared with it.
namespace custody::testing {

inline std::string bytes_of(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.bytes().data()), digest.bytes().size()};
}

inline std::size_t largest_power_of_two_below(std::size_t size) {
    std::size_t power = 1;
    while (power * 2 < size) power *= 2;
    return power;
}

inline Digest plain_root(std::span<const std::string> lines) {
    if (lines.empty()) return base::sha256("");
    if (lines.size() == 1) return base::sha256(std::string(1, '\0') + lines[0]);
    const auto split = largest_power_of_two_below(lines.size());
    return base::sha256(std::string(1, '\1') + bytes_of(plain_root(lines.first(split))) +
                        bytes_of(plain_root(lines.subspan(split))));
}

inline std::vector<Digest> plain_path(std::span<const std::string> lines, std::size_t index) {
    if (lines.size() <= 1) return {};
    const auto split = largest_power_of_two_below(lines.size());
    auto path = index < split ? plain_path(lines.first(split), index) : plain_path(lines.subspan(split), index - split);
    path.push_back(index < split ? plain_root(lines.subspan(split)) : plain_root(lines.first(split)));
    return path;
}

}  // namespace custody::testing
