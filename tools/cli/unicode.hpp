#pragma once

#include <cstddef>
#include <string_view>

namespace custody::cli {

/// One character of UTF-8 text.
struct Character {
    char32_t code_point;
    std::size_t length_bytes;  ///< 0 where the text doesn't begin with well-formed UTF-8
};

/// The first character of a text that is not empty.
Character next_character(std::string_view text) noexcept;

/// Whether a terminal would obey it rather than show it: C0, DEL, C1, line and paragraph separators, and what
/// turns the direction of writing or is invisible.
bool steers_terminal(char32_t code_point) noexcept;

/// How many columns the text takes on a terminal, wide characters counted as two.
std::size_t columns(std::string_view text) noexcept;

/// As much of the text's beginning as fits into so many columns.
std::string_view fit(std::string_view text, std::size_t columns_wide) noexcept;

}  // namespace custody::cli
