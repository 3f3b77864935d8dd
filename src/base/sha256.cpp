// OpenSSL 3 calls these deprecated, since they pass its providers by, which is why they are used.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/sha256.hpp"

namespace custody::base {

namespace {

// A line of a processor's cache; and how far ahead lines are asked for, which is what hashes while they come: sixteen at a time,
// since a core waits for no more at once. (With 32 it takes 6 % longer.)
constexpr std::size_t line_bytes = 64;
constexpr std::size_t ahead_bytes = 1024;

}  // namespace

// Each of these answers 1, always: OpenSSL says so in SHA256_Init(3).

void Sha256::begin() { SHA256_Init(&state_); }

void Sha256::update(std::span<const std::byte> bytes) { SHA256_Update(&state_, bytes.data(), bytes.size()); }

void Sha256::update_far(std::span<const std::byte> bytes) {
    for (; bytes.size() >= 2 * ahead_bytes; bytes = bytes.subspan(ahead_bytes)) {
        for (std::size_t at = 0; at < ahead_bytes; at += line_bytes) __builtin_prefetch(bytes.data() + ahead_bytes + at);
        update(bytes.first(ahead_bytes));
    }
    update(bytes);
}

Digest Sha256::finish() {
    Digest::Bytes bytes{};
    SHA256_Final(bytes.data(), &state_);
    begin();
    return Digest(bytes);
}

Digest sha256(std::string_view text) {
    Sha256 hash;
    hash.update(text);
    return hash.finish();
}

}  // namespace custody::base
