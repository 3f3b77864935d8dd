#include "audit/merkle.hpp"

#include <bit>

#include "base/sha256.hpp"

namespace custody::audit {

namespace {

Digest hash_of(char prefix, std::span<const std::byte> first, std::span<const std::byte> second = {}) {
    base::Sha256 hash;
    hash.update(std::string_view(&prefix, 1));
    hash.update(first);
    if (!second.empty()) hash.update(second);
    return hash.finish();
}

}  // namespace

Digest leaf_hash(std::string_view line) { return hash_of('\0', std::as_bytes(std::span(line))); }

Digest node_hash(const Digest& left, const Digest& right) {
    return hash_of('\1', std::as_bytes(std::span(left.bytes())), std::as_bytes(std::span(right.bytes())));
}

Digest fold(std::span<const Digest> hashes) {
    if (hashes.size() == 1) return hashes.front();
    const auto half = hashes.size() / 2;
    return node_hash(fold(hashes.first(half)), fold(hashes.subspan(half)));
}

std::optional<Frontier> Frontier::of(std::uint64_t size, std::vector<Digest> hashes) {
    if (hashes.size() != static_cast<std::size_t>(std::popcount(size))) return std::nullopt;
    Frontier frontier;
    frontier.size_ = size;
    frontier.hashes_ = std::move(hashes);
    return frontier;
}

void Frontier::append_subtree(unsigned height, Digest hash) {
    // Each 1 bit from `height` upward is a subtree that the new one completes to a larger one.
    for (auto rest = size_ >> height; (rest & 1U) != 0; rest >>= 1U) {
        hash = node_hash(hashes_.back(), hash);
        hashes_.pop_back();
    }
    hashes_.push_back(hash);
    size_ += std::uint64_t{1} << height;
}

Digest Frontier::root() const {
    if (hashes_.empty()) return base::sha256("");
    Digest root = hashes_.back();
    for (auto hash = hashes_.rbegin() + 1; hash != hashes_.rend(); ++hash) root = node_hash(*hash, root);
    return root;
}

std::optional<Digest> root_of_path(const Digest& leaf, std::uint64_t index, std::uint64_t size, std::span<const Digest> path) {
    if (index >= size) return std::nullopt;
    Digest root = leaf;
    auto last = size - 1;
    for (const auto& sibling : path) {
        if (last == 0) return std::nullopt;
        if ((index & 1U) != 0 || index == last) {
            root = node_hash(sibling, root);
            while ((index & 1U) == 0 && index != 0) {  // levels at which this node has no sibling
                index >>= 1U;
                last >>= 1U;
            }
        } else {
            root = node_hash(root, sibling);
        }
        index >>= 1U;
        last >>= 1U;
    }
    if (last != 0) return std::nullopt;
    return root;
}

}  // namespace custody::audit
