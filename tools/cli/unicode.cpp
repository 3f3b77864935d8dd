#include "unicode.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace custody::cli {

namespace {

using Range = std::pair<char32_t, char32_t>;

template <std::size_t N>
bool in_any(const std::array<Range, N>& ranges, char32_t code_point) noexcept {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const Range& range) { return code_point >= range.first && code_point <= range.second; });
}

std::size_t width(char32_t code_point) noexcept {
    static constexpr std::array<Range, 4> combining{{{0x300, 0x36F}, {0x1AB0, 0x1AFF}, {0x20D0, 0x20FF}, {0xFE20, 0xFE2F}}};
    static constexpr std::array<Range, 8> wide{{{0x1100, 0x115F},
                                                {0x2E80, 0xA4CF},
                                                {0xAC00, 0xD7A3},
                                                {0xF900, 0xFAFF},
                                                {0xFE30, 0xFE6F},
                                                {0xFF00, 0xFF60},
                                                {0x1F300, 0x1FAFF},
                                                {0x20000, 0x3FFFD}}};
    if (in_any(combining, code_point)) return 0;
    return in_any(wide, code_point) ? 2 : 1;
}

}  // namespace

Character next_character(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto first = byte(0);
    if (first < 0x80) return {first, 1};
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) return {0, 0};
    char32_t code_point = first & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80) return {0, 0};
        code_point = (code_point << 6U) | (byte(i) & 0x3FU);
    }
    const char32_t least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (code_point < least || code_point > 0x10FFFF || surrogate) return {0, 0};
    return {code_point, length};
}

bool steers_terminal(char32_t code_point) noexcept {
    static constexpr std::array<Range, 8> ranges{{{0x00, 0x1F},
                                                  {0x7F, 0x9F},
                                                  {0x200B, 0x200F},
                                                  {0x2028, 0x202E},
                                                  {0x2060, 0x2069},
                                                  {0xFEFF, 0xFEFF},
                                                  {0xFFF9, 0xFFFB},
                                                  {0xE0000, 0xE007F}}};
    return in_any(ranges, code_point);
}

std::size_t columns(std::string_view text) noexcept {
    std::size_t count = 0;
    while (!text.empty()) {
        const auto [code_point, length] = next_character(text);
        count += width(code_point);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return count;
}

std::string_view fit(std::string_view text, std::size_t columns_wide) noexcept {
    std::size_t used = 0;
    std::size_t position = 0;
    while (position < text.size()) {
        const auto [code_point, length] = next_character(text.substr(position));
        if (used + width(code_point) > columns_wide) break;
        used += width(code_point);
        position += std::max<std::size_t>(length, 1);
    }
    return text.substr(0, position);
}

}  // namespace custody::cli
