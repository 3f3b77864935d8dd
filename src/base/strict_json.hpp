#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <custody/json.hpp>

namespace custody::base {

/// Bounds of the JSON that callers give.
struct JsonLimits {
    std::size_t bytes = 65536;
    std::size_t depth = 64;  ///< levels of nesting; the object itself is the first
};

/// Parses a JSON object and refuses what would be read differently by different readers: duplicate keys, numbers that
/// overflow a double, lone surrogates, invalid UTF-8, NUL (also escaped), anything but white space after it, anything but an
/// object. `what` names it in messages ("metadata"). @throws InvalidArgument, which never repeats the text
json parse_strict_object(std::string_view text, const JsonLimits& limits, std::string_view what);

/// Parses a text that was found to be strict before, keys in their order, in a time that grows as the text does: nlohmann's
/// parser compares each key with all that came before it in the object. @throws nlohmann's errors where it is no JSON
ordered_json parse_ordered(std::string_view text);

/// The same rules for a value that is parsed already: answers its text. @throws InvalidArgument
std::string dump_strict_object(const json& value, const JsonLimits& limits, std::string_view what);

}  // namespace custody::base
