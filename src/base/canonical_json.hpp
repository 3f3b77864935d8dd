#pragma once

#include <string>
#include <string_view>

#include <custody/json.hpp>

namespace custody::base {

/// JSON as RFC 8785 (JCS) writes it: keys sorted by UTF-16 code units, no white space, numbers as
/// ECMAScript prints them, the shortest escapes. nlohmann's dump() differs in numbers and key order.
/// Whatever it writes, it would write again of what a reader makes of it.
/// @throws InvalidArgument for NaN, infinities, numbers that would be written as an integer beyond ±2^53, strings that are
/// not UTF-8, binary values, more than 1,000 levels of nesting
std::string canonical_json(const json& value);

/// Appends one string as it stands in canonical JSON, quotes and all. @throws InvalidArgument where it is no UTF-8
void append_canonical_string(std::string& out, std::string_view text);

/// The order of keys: by UTF-16 code units, of well-formed UTF-8.
bool utf16_less(std::string_view a, std::string_view b) noexcept;

/// A finite number as ECMAScript's Number::toString prints it.
std::string canonical_number(double value);

}  // namespace custody::base
