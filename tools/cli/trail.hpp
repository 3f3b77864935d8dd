#pragma once

#include "options.hpp"

namespace custody::cli {

/// The verbs of `audit` by which the trail proves itself.
void add_trail_verbs(CLI::App& group, Session& session);

}  // namespace custody::cli
