#include "audit/tree.hpp"

#include <algorithm>
#include <bit>
#include <custody/error.hpp>
#include <optional>

#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

std::vector<std::uint8_t> to_blob(std::span<const Digest> hashes) {
    std::vector<std::uint8_t> blob;
    blob.reserve(hashes.size() * 32);
    for (const auto& hash : hashes) blob.insert(blob.end(), hash.bytes().begin(), hash.bytes().end());
    return blob;
}

void store_head(sqlite::Connection& connection, const Frontier& head) {
    const auto blob = to_blob(head.hashes());
    const int changed =
        sqlite::Query(connection, "UPDATE audit_tree SET size = ?1, frontier = ?2 WHERE tree_key = 1 AND size <= ?1",
                      static_cast<std::int64_t>(head.size()), std::span<const std::uint8_t>(blob))
            .run();
    if (changed != 1) throw Corruption("the audit tree never shrinks");
}

}  // namespace

std::vector<Digest> to_hashes(std::string_view blob) {
    std::vector<Digest> hashes;
    hashes.reserve(blob.size() / 32);
    for (std::size_t at = 0; at + 32 <= blob.size(); at += 32) {
        Digest::Bytes bytes;
        std::copy_n(blob.begin() + static_cast<std::ptrdiff_t>(at), bytes.size(), bytes.begin());
        hashes.emplace_back(bytes);
    }
    return hashes;
}

Frontier read_head(const sqlite::Query& row, int first_column) {
    const auto size = static_cast<std::uint64_t>(row.integer(first_column));
    auto head = Frontier::of(size, to_hashes(row.peek(first_column + 1)));
    if (!head) throw Corruption("the head of the audit tree is damaged: its hashes don't make up a tree of its size");
    return *head;
}

Frontier Tree::head() {
    sqlite::Query query(connection_, "SELECT size, frontier FROM audit_tree WHERE tree_key = 1");
    if (!query.step()) throw Corruption("the head of the audit tree is missing");
    return read_head(query, 0);
}

Frontier Tree::extend(Frontier head, std::span<const Digest> leaves) {
    const auto begin = head.size();
    for (const auto& leaf : leaves) head.append(leaf);
    for (auto tile = begin / tile_width; (tile + 1) * tile_width <= head.size(); ++tile) {
        const auto first = tile * tile_width;
        // Leaves of this tile that earlier transactions wrote are hashed again: a tile's worth of lines, once a tile.
        auto full = first < begin ? hash_lines(first, begin) : std::vector<Digest>{};
        const auto from = std::max(first, begin) - begin;
        const auto rest = leaves.subspan(from, tile_width - full.size());
        full.insert(full.end(), rest.begin(), rest.end());
        const auto blob = to_blob(full);
        sqlite::Query(connection_, "INSERT INTO audit_tiles (level, tile_index, hashes) VALUES (0, ?, ?)",
                      static_cast<std::int64_t>(tile), std::span<const std::uint8_t>(blob))
            .run();
        store_hash(1, tile, fold(full));
    }
    store_head(connection_, head);
    return head;
}

// Adds one hash to the tiles above the first level, which are kept while they fill.
void Tree::store_hash(unsigned level, std::uint64_t index, const Digest& hash) {
    const auto tile = index / tile_width;
    auto hashes = stored_tile(level, tile);
    if (hashes.size() != index % tile_width) throw Corruption("a tile of the audit tree is damaged");
    hashes.push_back(hash);
    const auto blob = to_blob(hashes);
    const auto bytes = std::span<const std::uint8_t>(blob);
    if (hashes.size() == 1) {
        sqlite::Query(connection_, "INSERT INTO audit_tiles (level, tile_index, hashes) VALUES (?, ?, ?)",
                      static_cast<int>(level), static_cast<std::int64_t>(tile), bytes)
            .run();
    } else {
        sqlite::Query(connection_, "UPDATE audit_tiles SET hashes = ? WHERE level = ? AND tile_index = ?", bytes,
                      static_cast<int>(level), static_cast<std::int64_t>(tile))
            .run();
    }
    if (hashes.size() == tile_width) store_hash(level + 1, tile, fold(hashes));
}

std::vector<Digest> Tree::stored_tile(unsigned level, std::uint64_t index) {
    sqlite::Query query(connection_, "SELECT hashes FROM audit_tiles WHERE level = ? AND tile_index = ?", static_cast<int>(level),
                        static_cast<std::int64_t>(index));
    return query.step() ? to_hashes(query.view(0)) : std::vector<Digest>{};
}

std::vector<Digest> Tree::hash_lines(std::uint64_t begin, std::uint64_t end) {
    std::vector<Digest> hashes;
    hashes.reserve(end - begin);
    sqlite::Query query(connection_, "SELECT line FROM audit_entries WHERE seq > ? AND seq <= ? ORDER BY seq",
                        static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end));
    while (query.step()) hashes.push_back(leaf_hash(query.peek(0)));
    if (hashes.size() != end - begin) throw Corruption("entries of the audit trail are missing");
    return hashes;
}

// The hashes of a tile, at least `upto` of them.
const std::vector<Digest>& Tree::hashes(unsigned level, std::uint64_t tile, std::uint64_t upto) {
    auto& hashes = known_[{level, tile}];
    if (hashes.size() < upto) {
        hashes = stored_tile(level, tile);
        if (hashes.size() < upto && level == 0) hashes = hash_lines(tile * tile_width, tile * tile_width + upto);
        if (hashes.size() < upto) throw Corruption("a tile of the audit tree is missing");
    }
    return hashes;
}

Digest Tree::node(unsigned height, std::uint64_t index) {
    const unsigned level = height / tile_height;
    const auto width = std::uint64_t{1} << (height % tile_height);
    const auto first = index * width;
    const auto& tile = hashes(level, first / tile_width, first % tile_width + width);
    return fold(std::span(tile).subspan(first % tile_width, width));
}

Frontier Tree::frontier_at(std::uint64_t size) {
    Frontier frontier;
    for (unsigned bit = 64; bit-- > 0;) {
        if ((size >> bit & 1U) == 0) continue;
        frontier.append_subtree(bit, node(bit, frontier.size() >> bit));
    }
    return frontier;
}

void Tree::require_head() {
    const auto stored = head();
    if (frontier_at(stored.size()) == stored) return;
    throw Corruption("the entries are not those of the trail's head: the trail was altered. Run custody audit verify");
}

// Root of the leaves [begin, end), where begin is a multiple of the largest power of two below the width.
Digest Tree::subtree(std::uint64_t begin, std::uint64_t end) {
    const auto width = end - begin;
    if (std::has_single_bit(width)) {
        const auto height = static_cast<unsigned>(std::countr_zero(width));
        return node(height, begin >> height);
    }
    const auto split = begin + std::bit_floor(width);
    return node_hash(subtree(begin, split), subtree(split, end));
}

std::vector<Digest> Tree::inclusion_path(std::uint64_t index, std::uint64_t size) {
    if (index >= size) throw InvalidArgument("the tree has no such leaf");
    std::vector<Digest> path;
    std::uint64_t begin = 0;
    auto end = size;
    while (end - begin > 1) {
        const auto split = begin + std::bit_ceil(end - begin) / 2;
        if (index < split) {
            path.push_back(subtree(split, end));
            end = split;
        } else {
            path.push_back(subtree(begin, split));
            begin = split;
        }
    }
    std::reverse(path.begin(), path.end());
    return path;
}

void build_tree(sqlite::Connection& connection) {
    {
        sqlite::Query query(connection, "SELECT frontier FROM audit_tree WHERE tree_key = 1");
        if (!query.step() || !query.is_null(0)) return;
    }
    Tree tree(connection);
    Frontier head;
    std::vector<Digest> leaves;
    const auto flush = [&] {
        head = tree.extend(std::move(head), leaves);
        leaves.clear();
    };
    sqlite::Query query(connection, "SELECT line FROM audit_entries ORDER BY seq");
    while (query.step()) {
        leaves.push_back(leaf_hash(query.peek(0)));
        if (leaves.size() == tile_width) flush();
    }
    flush();
}

}  // namespace custody::audit
