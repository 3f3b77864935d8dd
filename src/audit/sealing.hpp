#pragma once

#include <cstdint>
#include <custody/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "audit/checkpoints.hpp"
#include "audit/signing_key.hpp"

namespace custody::audit {

/// Whose trail it is that is signed: a store, in one of its epochs.
struct TrailName {
    std::string store_id;
    std::string epoch;
    [[nodiscard]] std::string origin() const { return origin_of(store_id, epoch); }
};

/// The head of the first `size` entries, signed: the note that is stored, or a new one, which is stored. Call inside a write
/// transaction. Before it signs, it makes sure that the entries since are those of the head that was written with them, and that
/// the tree still has the head that was signed last. @throws InvalidArgument where the key is not one of the store's; Corruption
/// where the tree is another one
CheckpointRow sealed_note(sqlite::Connection& connection, const TrailName& trail, const SigningKey& key, std::uint64_t size);

/// The same for several heads, and says in the details of an entry which ones were signed, so that the trail tells of each.
void seal_heads(sqlite::Connection& connection, const TrailName& trail, const SigningKey& key,
                const std::vector<std::uint64_t>& sizes, json& details);

/// @throws InvalidArgument where the store has not recorded this key for its epoch
void require_own_key(sqlite::Connection& connection, const TrailName& trail, const std::string& public_key);

/// The stored note of that very size, by whatever key of the epoch; nullopt where there is none.
std::optional<std::string> stored_note(sqlite::Connection& connection, const TrailName& trail, std::uint64_t size);

/// What the entry that names a new key says; the old key signs the name of the new one, unless there is none.
json key_details(const TrailName& trail, const PublicKey& added, const SigningKey* current);

}  // namespace custody::audit
