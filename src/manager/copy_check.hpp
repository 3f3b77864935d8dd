#pragma once

#include <cstdint>
#include <custody/ids.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <custody/finding.hpp>

namespace custody::sqlite {
class Connection;
}

namespace custody::manager {

/// The head of a trail.
struct Head {
    std::string epoch;
    std::uint64_t tree_size = 0;
    Digest root;
    std::optional<std::string> checkpoint{};  ///< the newest signed one of its epoch
};

/// Looks at the catalog of a copy as a whole: its schema, SQLite's own checks, every line of the trail recomputed up to its head.
/// Adds what it finds, and answers the head that was computed; nullopt where there is none to speak of (it is damaged, or of a
/// version without a tree).
std::optional<Head> check_copy(sqlite::Connection& connection, std::vector<Finding>& findings);

/// Whether the trail of this catalog begins with that head, so that what had it is older and no other. @throws Corruption
bool continues(sqlite::Connection& connection, std::uint64_t tree_size, const Digest& root);

}  // namespace custody::manager
