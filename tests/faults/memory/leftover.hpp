#pragma once

#include <string>

#include "faults/support/world.hpp"

namespace custody::faults {

/// What a failure left, byte for byte, as one digest with what came out of it; but for the index of the log, which whoever opens
/// a store first makes anew, and for the time in the name of a copy.
std::string left_by(const World& world, int code);

}  // namespace custody::faults
