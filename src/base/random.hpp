#pragma once

#include <cstdint>
#include <span>

namespace custody::base {

/// Fills the buffer from the operating system's random source (libsodium). Safe in a forked child.
void random_bytes(std::span<std::uint8_t> buffer);

}  // namespace custody::base
