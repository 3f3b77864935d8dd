#pragma once

#include "faults/support/operations.hpp"

namespace custody::faults {

/// Writes a store of the original's to `tree`: a file, what was made of it, a run, and three entries.
void write_original(const World& world);
/// What of it was acknowledged is there, and comes over once.
void check_original(const World& world, bool acknowledged, Problems& problems);
/// A tree that was written to `tree` has its name when it is whole.
void check_exported(const World& world, bool acknowledged, Problems& problems);

}  // namespace custody::faults
