#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace custody::base {

/// RFC 4648, section 4, with padding.
std::string to_base64(std::span<const std::uint8_t> bytes);

/// nullopt unless it is exactly what to_base64 writes: no white space, no missing padding, no stray bits at the end.
std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text);

}  // namespace custody::base
