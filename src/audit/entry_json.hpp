#pragma once

#include <custody/json.hpp>
#include <string>
#include <string_view>

namespace custody::audit {

/// The entry of a stored line as AuditEntry::entry has it: the original's ten keys in its order, then ours; null where the line
/// has none. @throws json::exception where it is no JSON
ordered_json entry_of(std::string_view line);

/// A member of what may be anything: null where it is no object, or has none of that name.
const json& member_of(const json& value, const char* name);
/// The same, where it is a text; else an empty one.
std::string text_of(const json& value, const char* name);

}  // namespace custody::audit
