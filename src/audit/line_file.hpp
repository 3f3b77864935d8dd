#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "blobs/descriptor.hpp"

namespace custody::audit {

/// Of an exported entry: that of an imported record of 64 MiB, each of whose characters may be escaped.
inline constexpr std::size_t longest_line_bytes = std::size_t{256} << 20U;

/// Reads a file of lines, each with a line feed, in large pieces.
class LineFile {
   public:
    explicit LineFile(const std::filesystem::path& file);
    /// Whether it is a file, and could be opened.
    [[nodiscard]] bool opened() const { return static_cast<bool>(file_); }
    /// The next line without its line feed, valid until the next call; false at the end. @throws IoError
    bool next(std::string_view& line);
    /// Whether the last line that next() gave had no line feed.
    [[nodiscard]] bool cut() const { return cut_; }
    /// Whether a line was longer than any entry; next() has then given up.
    [[nodiscard]] bool too_long() const { return too_long_; }

   private:
    bool fill();

    std::filesystem::path path_;
    blobs::Descriptor file_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0, end_ = 0;
    bool at_end_ = false, cut_ = false, too_long_ = false;
};

}  // namespace custody::audit
