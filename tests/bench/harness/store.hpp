#pragma once

#include <cstddef>
#include <custody/ids.hpp>
#include <filesystem>
#include <vector>

namespace custody::bench {

/// A store with content. Every artifact has metadata, two links to others and three entries: its create and two reads.
struct Built {
    std::filesystem::path path{};
    std::size_t artifacts = 0;
    std::vector<ArtifactId> some{};  ///< spread over all of them
    std::vector<ArtifactId> last{};  ///< the newest of those with two links each: ancestors by the hundred thousand
};

/// Artifacts are made level by level, at least a hundred: each of a level comes from two of the one before, so that twice as many
/// are met with each link away, until a level has no more.
std::size_t level_width(std::size_t artifacts);

/// Makes it, by the manager, unless it is there.
Built build_store(const std::filesystem::path& path, std::size_t artifacts);

/// The end of a chain of so many artifacts, in the store made if need be.
ArtifactId chain_of(const std::filesystem::path& store, std::size_t length);
/// An artifact made from so many others.
ArtifactId fan_of(const std::filesystem::path& store, std::size_t width);

/// Of the trail.
std::size_t entries_of(const std::filesystem::path& store);

}  // namespace custody::bench
