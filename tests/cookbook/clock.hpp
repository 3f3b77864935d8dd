#pragma once

#include <string_view>

namespace custody::testing {

/// Stops this process's clock at a time (as Timestamp::parse reads it), so that a store's history can be spread over
/// months and has the same times on every run. What measures waiting (the monotonic clock) goes on.
void stop_clock_at(std::string_view time);

}  // namespace custody::testing
