#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <custody/json.hpp>

namespace custody::original {

/// A JSON object that was read with patience: what Python's json module writes and reads, and no other reader does, is put right.
struct LenientObject {
    /// Its members in order, each value as strict JSON text: numbers as they were written, no duplicate keys, valid UTF-8 without
    /// NUL or lone surrogates.
    std::vector<std::pair<std::string, std::string>> members{};
    /// What was put right, each with the place as a JSON pointer. No text of the object but its keys is repeated.
    std::vector<std::string> mends{};
    std::size_t end = 0;  ///< where it ends in the text

    /// The member's text; nullptr where there is none.
    [[nodiscard]] const std::string* find(std::string_view key) const;
    /// The member, read; null where there is none.
    [[nodiscard]] json value(std::string_view key) const;
    /// The member where it is a string.
    [[nodiscard]] std::optional<std::string> text(std::string_view key) const;
};

/// Reads one object that begins at `at`, white space before it skipped. nullopt where there is none, it is cut off, or it is
/// nested more than 500 levels deep.
std::optional<LenientObject> read_lenient(std::string_view text, std::size_t at = 0);

}  // namespace custody::original
