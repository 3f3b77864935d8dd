#pragma once

#include <cstdint>
#include <custody/ids.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace custody::audit {

/// The Merkle tree of RFC 6962, section 2.1 (the same as RFC 9162's), over the stored lines.

/// SHA-256(0x00 ‖ line)
Digest leaf_hash(std::string_view line);
/// SHA-256(0x01 ‖ left ‖ right)
Digest node_hash(const Digest& left, const Digest& right);
/// Root of a perfect subtree from its leaves or inner hashes; their number is a power of two.
Digest fold(std::span<const Digest> hashes);

/// A tree of some size as the perfect subtrees that it is made of, largest first: all that is needed to make it grow.
class Frontier {
   public:
    Frontier() = default;
    /// nullopt unless there is one hash for each 1 bit of `size`.
    static std::optional<Frontier> of(std::uint64_t size, std::vector<Digest> hashes);

    void append(const Digest& leaf) { append_subtree(0, leaf); }
    /// A perfect subtree of 2^height leaves; the size must be a multiple of that.
    void append_subtree(unsigned height, Digest hash);

    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] const std::vector<Digest>& hashes() const { return hashes_; }
    /// Root of the whole tree; of an empty one, SHA-256 of nothing.
    [[nodiscard]] Digest root() const;

    friend bool operator==(const Frontier&, const Frontier&) = default;

   private:
    std::uint64_t size_ = 0;
    std::vector<Digest> hashes_;
};

/// The root that an inclusion proof leads to (RFC 9162, section 2.1.3.2); nullopt where the path doesn't fit index and size.
std::optional<Digest> root_of_path(const Digest& leaf, std::uint64_t index, std::uint64_t size, std::span<const Digest> path);

}  // namespace custody::audit
