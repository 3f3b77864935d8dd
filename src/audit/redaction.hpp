#pragma once

#include <cstdint>
#include <custody/time.hpp>
#include <optional>
#include <string>
#include <vector>

namespace custody::sqlite {
class Connection;
}

namespace custody::audit {

/// What an entry's texts are, and what of them is left.
struct Withdrawable {
    std::vector<std::string> committed;  ///< pointers at which the line has commitments
    std::vector<std::string> open;       ///< those of them whose text is still there
    std::string operation;
    std::string artifact_id, run_id;  ///< empty: null
};
/// @throws NotFound, Corruption
Withdrawable look_for_texts(sqlite::Connection& connection, std::int64_t seq);

/// Deletes the texts at these pointers with their salts, and sets to NULL whatever column of artifact, run or hold holds one.
/// A row that this changes is updated `now`. Answers which other entries still hold one of the same texts.
std::vector<std::int64_t> withdraw_texts(sqlite::Connection& connection, std::int64_t seq,
                                         const std::vector<std::string>& pointers, const Timestamp& now);

}  // namespace custody::audit
