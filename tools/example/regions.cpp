#include "regions.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>

namespace example {

namespace {

// Frames are looked at in cells: single pixels of skin's colour are everywhere.
constexpr int cell = 8;
constexpr int least_cells = 6;

bool looks_like_skin(const std::uint8_t* pixel) {
    const int red = pixel[0];
    const int green = pixel[1];
    const int blue = pixel[2];
    const auto [least, most] = std::minmax({red, green, blue});
    return red > 95 && green > 40 && blue > 20 && most - least > 15 && red - green > 15 && red > blue;
}

struct Grid {
    int columns;
    int rows;
    std::vector<bool> skin;
    [[nodiscard]] std::size_t at(int column, int row) const {
        return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(column);
    }
};

Grid look(const Frame& frame) {
    Grid grid{.columns = (frame.width + cell - 1) / cell, .rows = (frame.height + cell - 1) / cell, .skin = {}};
    std::vector<int> counts(grid.at(0, grid.rows));
    for (int y = 0; y < frame.height; ++y) {
        const auto* pixel = frame.pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(frame.width) * 3;
        for (int x = 0; x < frame.width; ++x, pixel += 3) counts[grid.at(x / cell, y / cell)] += looks_like_skin(pixel) ? 1 : 0;
    }
    grid.skin.resize(counts.size());
    std::transform(counts.begin(), counts.end(), grid.skin.begin(), [](int count) { return count >= cell * cell / 2; });
    return grid;
}

// Takes the cells that hang together with this one out of the grid; answers their rectangle in cells, and how many they are.
std::pair<Region, int> take_patch(Grid& grid, int column, int row) {
    int left = column;
    int right = column;
    int top = row;
    int bottom = row;
    int size = 0;
    std::vector<std::pair<int, int>> open{{column, row}};
    grid.skin[grid.at(column, row)] = false;
    while (!open.empty()) {
        const auto [x, y] = open.back();
        open.pop_back();
        ++size;
        left = std::min(left, x);
        right = std::max(right, x);
        top = std::min(top, y);
        bottom = std::max(bottom, y);
        for (const auto& [dx, dy] : std::array<std::pair<int, int>, 4>{{{1, 0}, {-1, 0}, {0, 1}, {0, -1}}}) {
            const int nx = x + dx;
            const int ny = y + dy;
            if (nx < 0 || ny < 0 || nx >= grid.columns || ny >= grid.rows || !grid.skin[grid.at(nx, ny)]) continue;
            grid.skin[grid.at(nx, ny)] = false;
            open.emplace_back(nx, ny);
        }
    }
    return {{.x = left, .y = top, .width = right - left + 1, .height = bottom - top + 1}, size};
}

}  // namespace

std::vector<Region> find_regions(const Frame& frame) {
    auto grid = look(frame);
    std::vector<Region> regions;
    for (int row = 0; row < grid.rows; ++row) {
        for (int column = 0; column < grid.columns; ++column) {
            if (!grid.skin[grid.at(column, row)]) continue;
            const auto [patch, size] = take_patch(grid, column, row);
            if (size < least_cells) continue;
            const int x = patch.x * cell;
            const int y = patch.y * cell;
            regions.push_back(
                {x, y, std::min(patch.width * cell, frame.width - x), std::min(patch.height * cell, frame.height - y)});
        }
    }
    if (regions.empty()) regions.push_back({0, 0, frame.width, frame.height});
    return regions;
}

void write_csv(const Keypoints& keypoints, double frames_per_second, const std::filesystem::path& file) {
    std::ofstream csv(file, std::ios::trunc);
    csv << "frame,time_s,x,y,width,height\n";
    for (std::size_t frame = 0; frame < keypoints.frames.size(); ++frame) {
        for (const auto& region : keypoints.frames[frame]) {
            csv << frame << ',' << static_cast<double>(frame) / frames_per_second << ',' << region.x << ',' << region.y << ','
                << region.width << ',' << region.height << '\n';
        }
    }
    csv.close();
    if (!csv) throw StepFailed("can't write " + file.string());
}

std::vector<std::uint8_t> mask_of(const std::vector<Region>& regions, int width, int height) {
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
    for (const auto& region : regions) {
        // Hair and movement between two frames lie outside of what was found.
        const int margin = cell + std::max(region.width, region.height) / 6;
        const int left = std::max(0, region.x - margin);
        const int right = std::min(width, region.x + region.width + margin);
        for (int y = std::max(0, region.y - margin); y < std::min(height, region.y + region.height + margin); ++y) {
            const auto row = mask.begin() + static_cast<std::ptrdiff_t>(y) * width;
            std::fill(row + left, row + right, std::uint8_t{255});
        }
    }
    return mask;
}

}  // namespace example
