#include "base/hex.hpp"

namespace custody::base {

namespace {

constexpr char digits[] = "0123456789abcdef";

/// The value of a lower-case digit, or 16 for anything else.
constexpr unsigned digit_value(char c) noexcept {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10U;
    return 16U;
}

}  // namespace

std::string to_hex(std::span<const std::uint8_t> bytes) {
    std::string text(bytes.size() * 2, '\0');
    char* to = text.data();
    for (const auto byte : bytes) {
        *to++ = digits[byte >> 4U];
        *to++ = digits[byte & 0x0FU];
    }
    return text;
}

bool from_hex(std::string_view text, std::span<std::uint8_t> bytes) noexcept {
    if (text.size() % 2 != 0 || text.size() / 2 != bytes.size()) return false;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const unsigned high = digit_value(text[2 * i]);
        const unsigned low = digit_value(text[2 * i + 1]);
        if (high > 15U || low > 15U) return false;
        bytes[i] = static_cast<std::uint8_t>(high << 4U | low);
    }
    return true;
}

}  // namespace custody::base
