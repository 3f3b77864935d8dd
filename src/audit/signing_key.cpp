#include "audit/signing_key.hpp"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <custody/error.hpp>

#include "blobs/descriptor.hpp"
#include "blobs/durable.hpp"

namespace custody::audit {

namespace {

// PrivateKeyInfo of RFC 8410 up to the 32 bytes of the seed; the whole is 48 bytes, 64 characters of base64.
constexpr std::array<unsigned char, 16> der_prefix = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                                      0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
constexpr std::size_t der_bytes = der_prefix.size() + crypto_sign_SEEDBYTES;
constexpr std::string_view first_line = "-----BEGIN PRIVATE KEY-----\n";
constexpr std::string_view last_line = "\n-----END PRIVATE KEY-----\n";
constexpr std::size_t base64_bytes = der_bytes / 3 * 4;
constexpr std::size_t pem_bytes = first_line.size() + base64_bytes + last_line.size();

void require_sodium() {
    if (sodium_init() < 0) throw Error("libsodium can't be used on this machine");
}

template <std::size_t Size>
struct Wiped {
    Wiped() { sodium_mlock(bytes.data(), bytes.size()); }
    Wiped(const Wiped&) = delete;
    Wiped& operator=(const Wiped&) = delete;
    ~Wiped() { sodium_munlock(bytes.data(), bytes.size()); }  // wipes too
    std::array<unsigned char, Size> bytes{};
};

[[noreturn]] void fail(const char* what, const std::filesystem::path& file) {
    const int code = errno;
    throw IoError(std::string("can't ") + what + " the signing key " + file.string() + ": " + std::strerror(code), code);
}

// As many bytes as there are, up to the buffer's size and one more, which tells of a longer file.
template <std::size_t Size>
std::size_t read_file(const std::filesystem::path& file, Wiped<Size>& buffer) {
    const blobs::Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!opened) fail("open", file);
    struct stat status {};
    if (::fstat(opened.get(), &status) != 0) fail("look at", file);
    if (!S_ISREG(status.st_mode)) throw InvalidArgument("the signing key " + file.string() + " is no regular file");
    if ((status.st_mode & 077U) != 0) {
        throw InvalidArgument("the signing key " + file.string() + " can be read by others: chmod 600 " + file.string() +
                              ", and if somebody may have read it, make a new one (custody audit keygen)");
    }
    std::size_t size = 0;
    while (size < buffer.bytes.size()) {
        const auto got = ::read(opened.get(), buffer.bytes.data() + size, buffer.bytes.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("read", file);
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    return size;
}

}  // namespace

void SigningKey::Wipe::operator()(unsigned char* memory) const noexcept { sodium_free(memory); }

SigningKey SigningKey::from_seed(const unsigned char* seed) {
    Secret secret(static_cast<unsigned char*>(sodium_malloc(crypto_sign_SECRETKEYBYTES)));
    if (!secret) throw Error("there is no memory for the signing key");
    PublicKey public_key;
    crypto_sign_seed_keypair(public_key.data(), secret.get(), seed);
    return {std::move(secret), public_key};
}

SigningKey SigningKey::generate(const std::filesystem::path& file) {
    require_sodium();
    Wiped<crypto_sign_SEEDBYTES> seed;
    randombytes_buf(seed.bytes.data(), seed.bytes.size());
    Wiped<der_bytes> der;
    std::copy(der_prefix.begin(), der_prefix.end(), der.bytes.begin());
    std::copy(seed.bytes.begin(), seed.bytes.end(), der.bytes.begin() + der_prefix.size());
    Wiped<pem_bytes + 1> pem;  // and sodium's NUL
    auto* const at = reinterpret_cast<char*>(pem.bytes.data());
    std::copy(first_line.begin(), first_line.end(), at);
    sodium_bin2base64(at + first_line.size(), base64_bytes + 1, der.bytes.data(), der.bytes.size(),
                      sodium_base64_VARIANT_ORIGINAL);
    std::copy(last_line.begin(), last_line.end(), at + first_line.size() + base64_bytes);

    blobs::Descriptor made(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!made) fail("make", file);
    try {
        blobs::write_all(made.get(), {at, pem_bytes}, file);
        blobs::sync_file(made.get(), file);
        blobs::sync_folder(file.has_parent_path() ? file.parent_path() : ".");
    } catch (...) {
        ::unlink(file.c_str());
        throw;
    }
    return from_seed(seed.bytes.data());
}

SigningKey SigningKey::load(const std::filesystem::path& file) {
    require_sodium();
    Wiped<pem_bytes + 1> pem;
    const auto size = read_file(file, pem);
    const std::string_view text(reinterpret_cast<const char*>(pem.bytes.data()), size);
    Wiped<der_bytes> der;
    std::size_t decoded = 0;
    const bool is_key = size == pem_bytes && text.starts_with(first_line) && text.ends_with(last_line) &&
                        sodium_base642bin(der.bytes.data(), der.bytes.size(), text.data() + first_line.size(), base64_bytes,
                                          nullptr, &decoded, nullptr, sodium_base64_VARIANT_ORIGINAL) == 0 &&
                        decoded == der_bytes && std::equal(der_prefix.begin(), der_prefix.end(), der.bytes.begin());
    if (!is_key) {
        throw InvalidArgument("the signing key " + file.string() +
                              " is no Ed25519 private key in PKCS #8 PEM form, as custody audit keygen writes it");
    }
    return from_seed(der.bytes.data() + der_prefix.size());
}

Signature SigningKey::sign(std::string_view message) const {
    Signature signature;
    crypto_sign_detached(signature.data(), nullptr, reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                         secret_.get());
    return signature;
}

SignedCheckpoint SigningKey::sign(const Checkpoint& checkpoint) const {
    const VerifierKey key{checkpoint.origin, public_key_};
    return {checkpoint, {{key.name, key.key_id(), sign(checkpoint.text())}}};
}

}  // namespace custody::audit
