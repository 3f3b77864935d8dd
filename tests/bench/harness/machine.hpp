#pragma once

#include <custody/json.hpp>
#include <filesystem>

namespace custody::bench {

/// What the figures were measured on: processor, memory, kernel, file system, versions, how the program was built, and what one
/// small sync costs in the folder.
ordered_json machine(const std::filesystem::path& folder);
/// The same in one line.
std::string in_words(const ordered_json& machine);

}  // namespace custody::bench
