#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

/// A step that did not work; what() says which, and what ffmpeg said.
class StepFailed : public std::runtime_error {
   public:
    using std::runtime_error::runtime_error;
};

/// One picture, three bytes (red, green, blue) a pixel, row by row.
struct Frame {
    int width = 0;
    int height = 0;
    std::vector<std::uint8_t> pixels{};
};

/// A running ffmpeg with one pipe to it or from it. Its messages go to a file.
class Ffmpeg {
   public:
    enum class Direction { we_read, we_write };
    /// @throws StepFailed where it can't be started
    Ffmpeg(const std::vector<std::string>& arguments, Direction direction, std::filesystem::path messages);
    Ffmpeg(const Ffmpeg&) = delete;
    Ffmpeg& operator=(const Ffmpeg&) = delete;
    ~Ffmpeg();

    /// The next frame of a stream of PPM pictures; nullopt at its end. @throws StepFailed for anything else
    std::optional<Frame> read_frame();
    /// Writes a picture of one byte a pixel. False where ffmpeg no longer reads.
    bool write_mask(int width, int height, std::span<const std::uint8_t> pixels);
    /// Waits for its end. @throws StepFailed with the last thing it said, unless it succeeded
    void finish(const std::string& step);

   private:
    int wait_for_end() noexcept;
    std::filesystem::path messages_;
    std::FILE* pipe_ = nullptr;
    int pid_ = -1;
};

}  // namespace example
