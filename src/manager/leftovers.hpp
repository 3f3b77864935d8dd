#pragma once

#include <filesystem>
#include <vector>

#include "manager/layout.hpp"

namespace custody::manager {

/// What processes that died left in a store's storage: their scratch folders (a copy of the catalog may be in one), and
/// unfinished catalogs of an init (those older than a day: a younger one may still be written). @throws IoError
std::vector<std::filesystem::path> leftovers(const Layout& layout);

/// Removes them, as far as that can be done.
void sweep_leftovers(const Layout& layout) noexcept;

}  // namespace custody::manager
