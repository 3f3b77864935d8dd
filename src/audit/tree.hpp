#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "audit/merkle.hpp"

namespace custody::sqlite {
class Connection;
class Query;
}  // namespace custody::sqlite

namespace custody::audit {

/// Leaves of a full tile, and hashes in it.
inline constexpr std::uint64_t tile_width = 256;
inline constexpr unsigned tile_height = 8;

/// The tree as the database has it: its head, its tiles, and under those the lines. For one transaction: what it has read it
/// keeps.
class Tree {
   public:
    explicit Tree(sqlite::Connection& connection) : connection_(connection) {}

    /// The stored head. @throws Corruption where it can't be one
    Frontier head();
    /// Writes the head, and the tiles that these new leaves complete, onto the stored tree. Call in the transaction that
    /// wrote their lines. Answers the new head. @throws Corruption
    Frontier extend(Frontier head, std::span<const Digest> leaves);

    /// Holds lines and tiles against the head that was written with them. O(log n) reads, and at most a tile's lines.
    /// @throws Corruption where they make up another one
    void require_head();

    /// What follows is computed from tiles and lines in O(log n) reads, and is not checked against the head.
    /// @throws Corruption where a tile or line is missing; `size` and `index` must lie within the tree
    Digest node(unsigned height, std::uint64_t index);
    Frontier frontier_at(std::uint64_t size);
    /// RFC 6962's audit path of leaf `index` in the tree of that size, leaf upward.
    std::vector<Digest> inclusion_path(std::uint64_t index, std::uint64_t size);

    /// The hashes of one tile as stored; empty where there is none.
    std::vector<Digest> stored_tile(unsigned level, std::uint64_t index);

   private:
    Digest subtree(std::uint64_t begin, std::uint64_t end);
    std::vector<Digest> hash_lines(std::uint64_t begin, std::uint64_t end);
    const std::vector<Digest>& hashes(unsigned level, std::uint64_t tile, std::uint64_t upto);
    void store_hash(unsigned level, std::uint64_t index, const Digest& hash);

    sqlite::Connection& connection_;
    std::map<std::pair<unsigned, std::uint64_t>, std::vector<Digest>> known_;
};

/// Builds the tree of a store whose entries are older than it; does nothing where there is one. Part of migration 4.
void build_tree(sqlite::Connection& connection);

/// The stored head, from a row with size and frontier. @throws Corruption where it can't be one
Frontier read_head(const sqlite::Query& row, int first_column);

/// Hashes in a row, as the database stores them.
std::vector<Digest> to_hashes(std::string_view blob);

}  // namespace custody::audit
