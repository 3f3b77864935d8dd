#include "base/random.hpp"

#include <sodium.h>

#include <custody/error.hpp>

namespace custody::base {

void random_bytes(std::span<std::uint8_t> buffer) {
    // A static's initialisation runs once, and other threads wait for it: sodium_init() needs just that. Where it throws,
    // the next call tries again.
    static const bool ready = [] {
        if (sodium_init() < 0) throw Error("libsodium can't be initialised: the operating system gives no random numbers");
        return true;
    }();
    static_cast<void>(ready);
    if (!buffer.empty()) randombytes_buf(buffer.data(), buffer.size());
}

}  // namespace custody::base
