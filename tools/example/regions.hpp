#pragma once

#include <filesystem>
#include <vector>

#include "media.hpp"

namespace example {

/// A rectangle, in pixels.
struct Region {
    int x;
    int y;
    int width;
    int height;
};

/// What was found in each frame of a video.
struct Keypoints {
    int width = 0;  ///< of the frames, pixels
    int height = 0;
    std::vector<std::vector<Region>> frames{};
};

/// Where skin may be seen. An example, not a detector: it knows some colours. Where it finds nothing it answers the whole frame,
/// since what is missed would be released.
std::vector<Region> find_regions(const Frame& frame);

/// Writes one line a region: frame, time_s, x, y, width, height.
void write_csv(const Keypoints& keypoints, double frames_per_second, const std::filesystem::path& file);

/// 255 where the regions are, with a margin around them, else 0.
std::vector<std::uint8_t> mask_of(const std::vector<Region>& regions, int width, int height);

}  // namespace example
