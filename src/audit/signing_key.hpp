#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "audit/note.hpp"

namespace custody::audit {

/// An Ed25519 key that signs checkpoints. Its file is PKCS #8 PEM (RFC 8410), as `openssl genpkey -algorithm ed25519` writes
/// it, and lies outside of the store. In memory it is locked against swapping, and wiped at the end.
class SigningKey {
   public:
    /// A new key, in a new file of mode 0600, durable. @throws IoError (EEXIST: never overwritten)
    static SigningKey generate(const std::filesystem::path& file);
    /// @throws IoError; InvalidArgument where the file is no such key, or others may read it
    static SigningKey load(const std::filesystem::path& file);

    [[nodiscard]] const PublicKey& public_key() const { return public_key_; }
    [[nodiscard]] Signature sign(std::string_view message) const;
    /// The checkpoint with a signature under its origin's name.
    [[nodiscard]] SignedCheckpoint sign(const Checkpoint& checkpoint) const;

   private:
    struct Wipe {
        void operator()(unsigned char* memory) const noexcept;
    };
    using Secret = std::unique_ptr<unsigned char, Wipe>;
    SigningKey(Secret secret, const PublicKey& public_key) : secret_(std::move(secret)), public_key_(public_key) {}
    static SigningKey from_seed(const unsigned char* seed);

    Secret secret_;  ///< libsodium's 64 bytes: seed and public key
    PublicKey public_key_;
};

}  // namespace custody::audit
