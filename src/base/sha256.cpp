// OpenSSL 3 calls these deprecated, since they pass its providers by, which is why they are used.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/sha256.hpp"

namespace custody::base {

// Each of these answers 1, always: OpenSSL says so in SHA256_Init(3).

void Sha256::begin() { SHA256_Init(&state_); }

void Sha256::update(std::span<const std::byte> bytes) { SHA256_Update(&state_, bytes.data(), bytes.size()); }

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
