#include "audit/sealing.hpp"

#include <custody/error.hpp>

#include "audit/tree.hpp"
#include "base/base64.hpp"
#include "base/hex.hpp"

namespace custody::audit {

namespace {

// A log that was tampered with must not be signed as if it had always been so.
void require_same_history(sqlite::Connection& connection, const TrailName& trail, Tree& tree) {
    tree.require_head();
    const auto last = latest_checkpoint(connection, trail.epoch, 0);
    if (!last) return;
    const auto note = SignedCheckpoint::parse(last->note);
    const auto entries = tree.head().size();
    if (note && note->checkpoint.size <= entries && tree.frontier_at(note->checkpoint.size).root() == note->checkpoint.root)
        return;
    throw Corruption("the trail is not the one that was signed at entry " + std::to_string(last->size) +
                     ": nothing was signed. Run custody audit verify");
}

}  // namespace

void require_own_key(sqlite::Connection& connection, const TrailName& trail, const std::string& public_key) {
    for (const auto& row : list_keys(connection)) {
        if (row.epoch == trail.epoch && row.public_key == public_key) return;
    }
    throw InvalidArgument("the key with the public key " + public_key +
                          " is not recorded in this store: record it first (custody audit keygen --add FILE)");
}

CheckpointRow sealed_note(sqlite::Connection& connection, const TrailName& trail, const SigningKey& key, std::uint64_t size) {
    const auto public_key = base::to_hex(key.public_key());
    require_own_key(connection, trail, public_key);
    Tree tree(connection);
    require_same_history(connection, trail, tree);
    if (auto stored = find_checkpoint(connection, size, trail.epoch, public_key)) return *stored;
    const auto note = key.sign(Checkpoint{trail.origin(), size, tree.frontier_at(size).root()});
    CheckpointRow row{size, trail.epoch, public_key, note.str()};
    insert_checkpoint(connection, row);
    return row;
}

void seal_heads(sqlite::Connection& connection, const TrailName& trail, const SigningKey& key,
                const std::vector<std::uint64_t>& sizes, json& details) {
    for (const auto size : sizes) (void)sealed_note(connection, trail, key, size);
    details["checkpoint_sizes"] = sizes;
    details["public_key"] = base::to_hex(key.public_key());
}

std::optional<std::string> stored_note(sqlite::Connection& connection, const TrailName& trail, std::uint64_t size) {
    const auto current = current_key(connection, trail.epoch);
    if (!current) return std::nullopt;
    if (auto row = find_checkpoint(connection, size, trail.epoch, current->public_key)) return std::move(row->note);
    for (const auto& key : list_keys(connection)) {
        if (auto row = find_checkpoint(connection, size, key.epoch, key.public_key)) return std::move(row->note);
    }
    return std::nullopt;
}

json key_details(const TrailName& trail, const PublicKey& added, const SigningKey* current) {
    const auto public_key = base::to_hex(added);
    json details = {{"public_key", public_key},
                    {"verifier_key", VerifierKey{trail.origin(), added}.str()},
                    {"previous_key", nullptr},
                    {"signature", nullptr}};
    if (current != nullptr) {
        details["previous_key"] = base::to_hex(current->public_key());
        details["signature"] = base::to_base64(current->sign(rotation_text(trail.origin(), public_key)));
    }
    return details;
}

}  // namespace custody::audit
