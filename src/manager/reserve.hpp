#pragma once

#include "manager/layout.hpp"

namespace custody::manager {

/// A file in temp/ that holds some room on the catalog's disk: on a full one, removing takes a little room before it makes any.
/// Makes it where it is missing and the disk has room enough; else does nothing.
void make_reserve(const Layout& layout, unsigned mode) noexcept;
/// Gives its room back; false where there was none.
bool release_reserve(const Layout& layout) noexcept;

}  // namespace custody::manager
