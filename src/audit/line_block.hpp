#pragma once

#include <cstdint>
#include <custody/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/line.hpp"
#include "audit/merkle.hpp"

namespace custody::audit {

/// Something that is wrong with one entry.
struct LineComplaint {
    std::uint64_t seq;
    std::string kind;
    std::string message;
};

/// Lines in a row, within one tile of the tree, on their way through a verification: filled in order, worked on by any thread,
/// used in order.
struct LineBlock {
    // Filled by whoever reads them.
    std::uint64_t first_seq = 1;
    std::string bytes{};
    std::vector<std::size_t> ends{};
    bool exported = false;  ///< lines of a month file, rather than stored ones
    /// Which lines are to be read as JSON, besides being checked; none without it.
    bool (*wanted)(std::string_view line, const LineView& view) = nullptr;
    struct Opening {
        std::size_t line;
        std::string pointer;
        Text text;
        bool kept_in_row;  ///< by the artifact or run that the entry made, rather than in audit_openings
    };
    std::vector<Opening> openings{};  ///< of stored lines

    // What work() finds out.
    std::vector<Digest> leaves{};
    std::optional<Digest> tile{};                      ///< root of a whole tile
    std::vector<std::pair<std::size_t, json>> read{};  ///< those of the wanted lines
    std::vector<LineComplaint> complaints{};
    std::vector<std::size_t> of_the_trail{};                             ///< lines of operation audit_trail
    std::vector<std::pair<std::uint64_t, std::string_view>> unopened{};  ///< commitments without a text: seq, pointer
    std::vector<std::string> months{};                                   ///< of each line's timestamp, "YYYY-MM"

    void add(std::string_view line) {
        if (bytes.empty()) bytes.reserve(usual_bytes);
        bytes += line;
        ends.push_back(bytes.size());
    }
    [[nodiscard]] std::size_t size() const { return ends.size(); }
    [[nodiscard]] std::string_view line(std::size_t index) const {
        const auto begin = index == 0 ? 0 : ends[index - 1];
        return std::string_view(bytes).substr(begin, ends[index] - begin);
    }
    /// Whether another line would be in another tile.
    [[nodiscard]] bool full() const;

    /// Reads every line, checks its texts against its commitments, and hashes it.
    void work();

   private:
    static constexpr std::size_t usual_bytes = std::size_t{256} << 10U;  // a tile's worth of lines

    void work_stored(std::size_t index, const LineView& view, std::size_t& opening);
    void complain(std::size_t index, const char* kind, std::string message);
};

}  // namespace custody::audit
