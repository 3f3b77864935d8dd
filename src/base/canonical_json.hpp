#pragma once

#include <string>

#include <custody/json.hpp>

namespace custody::base {

/// JSON as RFC 8785 (JCS) writes it: keys sorted by UTF-16 code units, no white space, numbers as
/// ECMAScript prints them, the shortest escapes. nlohmann's dump() differs in numbers and key order.
/// Whatever it writes, it would write again of what a reader makes of it.
/// @throws InvalidArgument for NaN, infinities, numbers that would be written as an integer beyond ±2^53, strings that are
/// not UTF-8, binary values, more than 1,000 levels of nesting
std::string canonical_json(const json& value);

/// A finite number as ECMAScript's Number::toString prints it.
std::string canonical_number(double value);

}  // namespace custody::base
