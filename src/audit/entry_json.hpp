#pragma once

#include <custody/json.hpp>
#include <string_view>

namespace custody::audit {

/// The entry of a stored line as AuditEntry::entry has it: the original's ten keys in its order, then ours; null where the line
/// has none. @throws json::exception where it is no JSON
ordered_json entry_of(std::string_view line);

}  // namespace custody::audit
