#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace custody::base {

/// How many bytes the well-formed UTF-8 character takes that begins at `at` (1 to 4; NUL is a character too), or 0 where none
/// does.
std::size_t utf8_length(std::string_view text, std::size_t at) noexcept;

/// Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms) without NUL.
bool is_clean_utf8(std::string_view text) noexcept;

/// The text with whatever is not UTF-8, and NUL, replaced by U+FFFD: for names and messages of the operating system.
std::string to_clean_utf8(std::string_view text);

/// The text, or as many of its first characters as fit into `max_bytes` together with the ellipsis that then ends it.
std::string shortened(std::string text, std::size_t max_bytes);

/// A name fit to stand in a file name: last path component only, letters, digits, dot, dash, underscore and non-ASCII
/// letters kept, everything else an underscore, no leading dot or dash, at most `max_bytes` without cutting a character, the
/// extension kept. Never empty ("file" where nothing is left).
std::string safe_file_name(std::string_view name, std::size_t max_bytes = 120);

/// Whether it is [a-z][a-z0-9_]*, at most 63 characters.
bool is_identifier(std::string_view name) noexcept;

/// One cell of a CSV file (RFC 4180), quoted where needed. A cell that a spreadsheet would take for a
/// formula (begins with = + - @ TAB CR) gets a leading apostrophe.
std::string csv_cell(std::string_view text);

}  // namespace custody::base
