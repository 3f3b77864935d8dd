#pragma once

#include <cstdint>
#include <custody/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/merkle.hpp"

namespace custody::audit {

/// audit_YYYYMM.proof.json: what makes a month's lines verifiable without the database.
struct MonthProof {
    std::string month;  ///< "YYYY-MM"
    std::uint64_t first_seq;
    std::uint64_t last_seq;  ///< first_seq - 1 where the month is empty
    Frontier start;          ///< of the entries before it
    std::optional<std::string> start_note;
    Digest root;  ///< of entries 1 to last_seq
    std::optional<std::string> end_note;
    std::vector<std::string> keys;  ///< verifier keys

    [[nodiscard]] std::string str() const;
    /// nullopt unless it has these members, of these kinds, and no others.
    static std::optional<MonthProof> parse(std::string_view text);
};

/// The proof of one entry: that its line is a leaf of a tree whose head may be signed.
struct EntryProof {
    std::string line;  ///< as exported
    std::uint64_t leaf_index;
    std::uint64_t tree_size;
    std::vector<Digest> path;  ///< leaf upward
    std::optional<std::string> note;
    std::vector<std::string> keys;

    [[nodiscard]] std::string str() const;
    static std::optional<EntryProof> parse(std::string_view text);
};

/// Files of a proof are read up to this size.
inline constexpr std::size_t largest_proof_bytes = std::size_t{512} << 20U;

}  // namespace custody::audit
