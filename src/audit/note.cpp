#include "audit/note.hpp"

#include <sodium.h>

#include <algorithm>
#include <charconv>

#include "base/base64.hpp"
#include "base/hex.hpp"
#include "base/sha256.hpp"

namespace custody::audit {

namespace {

constexpr std::string_view dash = "\xE2\x80\x94 ";  // U+2014 and a space
constexpr std::uint8_t ed25519 = 1;
constexpr std::uint64_t largest_size = std::uint64_t{1} << 53U;

// A key's name: no space, no plus, and here plain ASCII, since ours are.
bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= 255 &&
           std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < '\x7f' && c != '+'; });
}

std::optional<std::string_view> take_line(std::string_view& text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
}

std::optional<std::uint64_t> parse_size(std::string_view digits) {
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
    const bool canonical = error == std::errc() && end == digits.data() + digits.size() && std::to_string(size) == digits;
    return canonical && size <= largest_size ? std::optional(size) : std::nullopt;
}

std::optional<Digest> parse_hash(std::string_view base64) {
    const auto bytes = base::from_base64(base64);
    Digest::Bytes hash;
    if (!bytes || bytes->size() != hash.size()) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), hash.begin());
    return Digest(hash);
}

std::optional<SignedCheckpoint::Line> parse_signature(std::string_view line) {
    if (!line.starts_with(dash)) return std::nullopt;
    line.remove_prefix(dash.size());
    const auto space = line.find(' ');
    if (space == std::string_view::npos || !is_name(line.substr(0, space))) return std::nullopt;
    const auto bytes = base::from_base64(line.substr(space + 1));
    SignedCheckpoint::Line read{std::string(line.substr(0, space)), {}, {}};
    if (!bytes || bytes->size() != read.key_id.size() + read.signature.size()) return std::nullopt;
    std::copy_n(bytes->begin(), read.key_id.size(), read.key_id.begin());
    std::copy_n(bytes->begin() + static_cast<std::ptrdiff_t>(read.key_id.size()), read.signature.size(), read.signature.begin());
    return read;
}

}  // namespace

std::array<std::uint8_t, 4> VerifierKey::key_id() const {
    base::Sha256 hash;
    hash.update(name + "\n" + static_cast<char>(ed25519));
    hash.update(std::as_bytes(std::span(public_key)));
    const auto digest = hash.finish();
    std::array<std::uint8_t, 4> id;
    std::copy_n(digest.bytes().begin(), id.size(), id.begin());
    return id;
}

std::string VerifierKey::str() const {
    std::vector<std::uint8_t> typed{ed25519};
    typed.insert(typed.end(), public_key.begin(), public_key.end());
    return name + "+" + base::to_hex(key_id()) + "+" + base::to_base64(typed);
}

std::optional<VerifierKey> VerifierKey::parse(std::string_view text) {
    const auto first = text.find('+');
    if (first == std::string_view::npos || !is_name(text.substr(0, first))) return std::nullopt;
    const auto second = text.find('+', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    const auto typed = base::from_base64(text.substr(second + 1));
    if (!typed || typed->size() != 33 || typed->front() != ed25519) return std::nullopt;
    VerifierKey key{std::string(text.substr(0, first)), {}};
    std::copy(typed->begin() + 1, typed->end(), key.public_key.begin());
    return key.str() == text ? std::optional(key) : std::nullopt;
}

std::string origin_of(const std::string& store_id, const std::string& epoch) { return "custody/" + store_id + "/" + epoch; }

std::string Checkpoint::text() const {
    return origin + "\n" + std::to_string(size) + "\n" + base::to_base64(root.bytes()) + "\n";
}

std::string SignedCheckpoint::str() const {
    auto text = checkpoint.text() + "\n";
    for (const auto& line : signatures) {
        std::vector<std::uint8_t> bytes(line.key_id.begin(), line.key_id.end());
        bytes.insert(bytes.end(), line.signature.begin(), line.signature.end());
        text += std::string(dash) + line.name + " " + base::to_base64(bytes) + "\n";
    }
    return text;
}

std::optional<SignedCheckpoint> SignedCheckpoint::parse(std::string_view text) {
    if (text.size() > largest_note_bytes) return std::nullopt;
    const auto origin = take_line(text);
    const auto size_line = take_line(text);
    const auto root_line = take_line(text);
    const auto blank = take_line(text);
    if (!blank || !blank->empty() || !is_name(*origin)) return std::nullopt;
    const auto size = parse_size(*size_line);
    const auto root = parse_hash(*root_line);
    if (!size || !root) return std::nullopt;
    SignedCheckpoint note{{std::string(*origin), *size, *root}, {}};
    while (!text.empty()) {
        const auto line = take_line(text);
        const auto signature = line ? parse_signature(*line) : std::nullopt;
        if (!signature) return std::nullopt;
        note.signatures.push_back(*signature);
    }
    return note.signatures.empty() ? std::nullopt : std::optional(note);
}

std::optional<std::vector<SignedCheckpoint>> parse_notes(std::string_view text) {
    std::vector<SignedCheckpoint> notes;
    while (!text.empty()) {
        if (text.front() == '\n') {  // notes are appended with a line between them
            text.remove_prefix(1);
            continue;
        }
        // A note goes on until a line that is neither its text nor a signature: find the blank line, then the signatures.
        auto end = text.find("\n\n");
        if (end == std::string_view::npos) return std::nullopt;
        end += 2;
        while (text.substr(end).starts_with(dash)) {
            const auto line_end = text.find('\n', end);
            if (line_end == std::string_view::npos) return std::nullopt;
            end = line_end + 1;
        }
        auto note = SignedCheckpoint::parse(text.substr(0, end));
        if (!note) return std::nullopt;
        notes.push_back(std::move(*note));
        text.remove_prefix(end);
    }
    return notes;
}

bool SignedCheckpoint::signed_by(const VerifierKey& key) const {
    const auto id = key.key_id();
    const auto message = checkpoint.text();
    return std::any_of(signatures.begin(), signatures.end(), [&](const Line& line) {
        return line.name == key.name && line.key_id == id && verify_signature(message, line.signature, key.public_key);
    });
}

bool SignedCheckpoint::signed_by(const PublicKey& key) const { return signed_by(VerifierKey{checkpoint.origin, key}); }

bool verify_signature(std::string_view message, const Signature& signature, const PublicKey& key) {
    return crypto_sign_verify_detached(signature.data(), reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                                       key.data()) == 0;
}

}  // namespace custody::audit
