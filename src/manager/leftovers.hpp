#pragma once

#include <filesystem>
#include <vector>

#include "blobs/blob_store.hpp"
#include "manager/layout.hpp"

namespace custody::manager {

/// What processes that died left in a store: their scratch folders (a copy of the catalog may be in one), unfinished catalogs of
/// an init (those older than a day: a younger one may still be written), and unfinished exports in audit/. @throws IoError
std::vector<std::filesystem::path> leftovers(const Layout& layout);

/// Removes them (unless it is a dry run), and tells of each, and of what lies there and stays. @throws IoError where these
/// folders can't be read
void sweep_leftovers(const Layout& layout, bool dry_run, const blobs::SweptCallback& tell);

/// Removes them, as far as that can be done.
void sweep_leftovers(const Layout& layout) noexcept;

}  // namespace custody::manager
