#pragma once

#include <openssl/sha.h>

#include <cstddef>
#include <span>
#include <string_view>

#include <custody/ids.hpp>

namespace custody::base {

/// A running SHA-256 by OpenSSL, which uses the processor's SHA instructions.
///
/// OpenSSL's own code is called, not a provider's (EVP): making the providers ready takes a sixth of the time that a
/// `custody add` has, and each short message costs an allocation and a look-up more. There is nothing to fail, either.
class Sha256 {
   public:
    Sha256() { begin(); }
    void update(std::span<const std::byte> bytes);
    void update(std::string_view text) { update(std::as_bytes(std::span(text))); }
    /// The same for bytes that no cache of this core's has yet: in the page cache, or what another core has just filled. They
    /// come slowly, line by line, where they are not asked for before they are needed: half as long again.
    void update_far(std::span<const std::byte> bytes);
    /// The digest of all that came; the object starts anew.
    Digest finish();

   private:
    void begin();
    SHA256_CTX state_{};
};

/// The digest of one text.
Digest sha256(std::string_view text);

}  // namespace custody::base
