#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/commitment.hpp"

namespace custody::audit {

/// The places of a line where free text may stand, as JSON pointers: /error_message, and direct members of /details.
/// Sorted.
extern const std::vector<std::string_view> text_pointers;

/// A string that stands at one of those places.
struct TextPlace {
    std::string_view pointer;
    std::size_t begin;     ///< of the string in the line, its opening quote
    std::size_t end;       ///< past its closing quote
    std::string_view raw;  ///< what stands between them
    /// Whether it has the form of a commitment.
    [[nodiscard]] bool is_commitment() const;
};

/// A line read without building values. The views are into the text that was read.
struct LineView {
    std::int64_t seq = 0;
    std::string_view operation, action, outcome, timestamp;
    std::string_view artifact_id, run_id;  ///< empty where null
    std::vector<TextPlace> texts;          ///< in the order of the line
    std::size_t details_begin = 0, details_end = 0;

    // Of an exported line alone: the member "openings", its comma included, and what it says by pointer.
    std::size_t openings_begin = 0, openings_end = 0;
    std::vector<std::pair<std::string_view, std::string_view>> openings;

    /// Where "openings" goes in when the line is exported.
    std::size_t openings_place = 0;
};

/// nullopt unless it is canonical JSON and an object with the members that an entry has.
std::optional<LineView> read_line(std::string_view line);

/// A text that stands in a line as a commitment.
struct Text {
    base::Salt salt;
    std::string text;
};
using Texts = std::vector<std::pair<std::string_view, Text>>;  ///< by pointer

/// The stored line with these texts back in place and the member "openings", canonical again; the line itself where there
/// are none. Texts at other places than those of the line are left out.
std::string exported_line(std::string_view stored, const LineView& view, const Texts& texts);

/// The stored line that an exported one was made from: each text that has an opening replaced by its commitment, and the member
/// taken out. nullopt where an opening is malformed or names a place that has no string.
std::optional<std::string> stored_line(std::string_view exported, const LineView& view);

}  // namespace custody::audit
