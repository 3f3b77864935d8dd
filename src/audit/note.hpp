#pragma once

#include <array>
#include <cstdint>
#include <custody/ids.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace custody::audit {

using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

/// A verifier key of C2SP's signed-note: `<name>+<key id, 8 hex digits>+<base64 of 0x01 ‖ Ed25519 public key>`.
struct VerifierKey {
    std::string name;
    PublicKey public_key;

    /// First four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key): what a signature line begins with.
    [[nodiscard]] std::array<std::uint8_t, 4> key_id() const;
    [[nodiscard]] std::string str() const;
    /// nullopt for what is no verifier key, or whose key id is not that of its name and key.
    static std::optional<VerifierKey> parse(std::string_view text);
    friend bool operator==(const VerifierKey&, const VerifierKey&) = default;
};

/// `custody/<store uuid>/<epoch>`: the name of one history of one store, and of every key that signs it.
std::string origin_of(const std::string& store_id, const std::string& epoch);

/// A head of the tree as C2SP's tlog-checkpoint has it: origin, size, root.
struct Checkpoint {
    std::string origin;
    std::uint64_t size;
    Digest root;
    /// The signed text: three lines.
    [[nodiscard]] std::string text() const;
    friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

/// A signed-note around a checkpoint: its text, a blank line, and a line a signature: `— <name> <base64 of key id ‖ signature>`.
struct SignedCheckpoint {
    struct Line {
        std::string name;
        std::array<std::uint8_t, 4> key_id;
        Signature signature;
    };
    Checkpoint checkpoint;
    std::vector<Line> signatures;

    [[nodiscard]] std::string str() const;
    /// nullopt for what is no such note, or is written otherwise than str() would.
    static std::optional<SignedCheckpoint> parse(std::string_view text);
    /// Whether a signature of it is by this key.
    [[nodiscard]] bool signed_by(const VerifierKey& key) const;
    /// Whether a signature under its origin is by the holder of this key, whatever name the key was given under.
    [[nodiscard]] bool signed_by(const PublicKey& key) const;
};

/// Every note of a file to which notes were appended; nullopt where anything in it is none.
std::optional<std::vector<SignedCheckpoint>> parse_notes(std::string_view text);

/// Ed25519 (RFC 8032), by libsodium.
bool verify_signature(std::string_view message, const Signature& signature, const PublicKey& key);

/// The largest note that is read: far more than a checkpoint with many signatures takes.
inline constexpr std::size_t largest_note_bytes = 65536;

}  // namespace custody::audit
