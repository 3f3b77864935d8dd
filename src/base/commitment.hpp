#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace custody::base {

/// 16 random bytes, one for each commitment, never shared: equal texts must not be seen to be equal.
using Salt = std::array<std::uint8_t, 16>;

Salt random_salt();

/// `sha256:<hex>` of SHA-256(salt ‖ text): what stands in an audit line for a free text, so that the text
/// can be withdrawn without touching the line.
std::string commit_text(const Salt& salt, std::string_view text);

}  // namespace custody::base
