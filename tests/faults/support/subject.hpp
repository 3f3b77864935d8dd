#pragma once

#include <string>
#include <vector>

#include "faults/support/state.hpp"

namespace custody::faults {

/// An operation with the world that it begins in, and what that comes to where nothing happens. Prepared once.
struct Subject {
    const Operation& operation;
    World before;
    State state_before;
    State state_after;
};

/// @throws std::runtime_error where the operation leaves other entries than the table says
Subject prepare(const Operation& operation, const std::filesystem::path& folder);

/// The driver's command line for it.
std::vector<std::string> command(const Subject& subject, const World& world);

/// What is wrong with a state in which the operation was cut off: entries that are no beginning of its own at the end of a
/// transaction, rows that don't go with them, less than was acknowledged.
void check_wholly_there_or_not(const Subject& subject, const State& state, bool acknowledged, Problems& problems);

}  // namespace custody::faults
