#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace custody::base {

/// Two lower-case hexadecimal digits a byte.
std::string to_hex(std::span<const std::uint8_t> bytes);

/// Fills `bytes` from exactly twice as many lower-case digits; false where the text is anything else.
bool from_hex(std::string_view text, std::span<std::uint8_t> bytes) noexcept;

}  // namespace custody::base
