#include "base/sha256.hpp"

#include <openssl/evp.h>

#include <custody/error.hpp>

namespace custody::base {

namespace {

/// Fetching walks OpenSSL's providers under a lock, so it is done once. It is never freed: OpenSSL tears itself
/// down at exit, in an order that a static's destructor couldn't rely on.
EVP_MD* algorithm() {
    static EVP_MD* const fetched = [] {
        EVP_MD* md = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
        if (md == nullptr) throw Error("OpenSSL offers no SHA-256: check its configuration (openssl list -digest-algorithms)");
        return md;
    }();
    return fetched;
}

void require(int result) {
    if (result != 1) throw Error("OpenSSL failed to compute a SHA-256");
}

}  // namespace

struct Sha256::Context {
    Context() : evp(EVP_MD_CTX_new()) {
        if (evp == nullptr) throw Error("OpenSSL has no memory for a SHA-256");
    }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() { EVP_MD_CTX_free(evp); }
    /// Not ready after a failure either: OpenSSL crashes on a context that it could not make ready.
    void make_ready() {
        if (ready) return;
        require(EVP_DigestInit_ex2(evp, made_ready_once ? nullptr : algorithm(), nullptr));
        ready = made_ready_once = true;
    }
    EVP_MD_CTX* evp;
    bool ready = false;
    bool made_ready_once = false;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) { context_->make_ready(); }
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
    context_->make_ready();
    require(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()));
}

void Sha256::discard() noexcept { context_->ready = context_->made_ready_once = false; }

Digest Sha256::finish() {
    context_->make_ready();
    Digest::Bytes bytes{};
    context_->ready = false;
    require(EVP_DigestFinal_ex(context_->evp, bytes.data(), nullptr));
    return Digest(bytes);
}

Digest sha256(std::string_view text) {
    thread_local Sha256 hash;
    try {
        hash.update(text);
        return hash.finish();
    } catch (...) {
        hash.discard();  // half a text must not begin the next one's hash
        throw;
    }
}

}  // namespace custody::base
