#pragma once

#include <filesystem>
#include <utility>
#include <vector>

#include "catalog/payloads.hpp"

namespace custody::manager {

/// Files below a folder that have the very content of payloads: by size first, then by SHA-256. Regular files alone; links are
/// not followed, and what can't be read is passed over. Each payload that is found comes once. @throws IoError where the folder
/// itself can't be read
std::vector<std::pair<catalog::PayloadRow, std::filesystem::path>> search_payloads(
    const std::filesystem::path& folder, const std::vector<catalog::PayloadRow>& wanted);

}  // namespace custody::manager
