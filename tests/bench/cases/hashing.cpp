// SHA-256: the library's, OpenSSL's own as the limit, and libsodium's.

#include <openssl/evp.h>
#include <sodium.h>

#include <array>
#include <memory>
#include <stdexcept>

#include "base/sha256.hpp"
#include "bench/cases/cases.hpp"

namespace custody::bench {

namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 20U;
constexpr std::size_t message_size = 900;  // an entry of the trail

struct EvpFree {
    void operator()(EVP_MD* algorithm) const { EVP_MD_free(algorithm); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

void require(bool done) {
    if (!done) throw std::runtime_error("OpenSSL failed");
}

void with_openssl(const std::string& buffer, std::size_t times) {
    const std::unique_ptr<EVP_MD, EvpFree> algorithm(EVP_MD_fetch(nullptr, "SHA256", nullptr));
    const std::unique_ptr<EVP_MD_CTX, EvpFree> context(EVP_MD_CTX_new());
    std::array<unsigned char, 32> digest{};
    require(EVP_DigestInit_ex2(context.get(), algorithm.get(), nullptr) == 1);
    for (std::size_t i = 0; i < times; ++i) require(EVP_DigestUpdate(context.get(), buffer.data(), buffer.size()) == 1);
    require(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1);
}

void with_library(const std::string& buffer, std::size_t times) {
    base::Sha256 sha256;
    for (std::size_t i = 0; i < times; ++i) sha256.update(buffer);
    (void)sha256.finish();
}

void with_sodium(const std::string& buffer, std::size_t times) {
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    std::array<unsigned char, 32> digest{};
    for (std::size_t i = 0; i < times; ++i) {
        crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(buffer.data()), buffer.size());
    }
    crypto_hash_sha256_final(&state, digest.data());
}

// As one would write it at first: the algorithm is looked up and the context made for each message.
void looked_up_each_time(const std::string& message, std::size_t times) {
    std::array<unsigned char, 32> digest{};
    for (std::size_t i = 0; i < times; ++i) {
        require(EVP_Digest(message.data(), message.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
    }
}

void little_each(const std::string& message, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) (void)base::sha256(message);
}

}  // namespace

void hashing(World& world, Report& report) {
    const std::string buffer(buffer_size, 'x');
    const auto times = world.scaled(256, 1);
    const auto large = in_turns(world.rounds(11), {{"OpenSSL alone", [&] { with_openssl(buffer, times); }},
                                                   {"custody", [&] { with_library(buffer, times); }},
                                                   {"libsodium", [&] { with_sodium(buffer, times); }}});
    const auto bytes = static_cast<double>(times * buffer_size);
    const auto rate = Unit::megabytes_per_second(bytes);
    report.compare({.what = "hash much", .goal = Goal::time_at_most(1.02), .parameters = {{"bytes", bytes}}}, rate, large[1],
                   large[0]);
    report.compare({.what = "hash much, by libsodium", .parameters = {{"bytes", bytes}}, .note = "not used for this"}, rate,
                   large[2], large[0]);

    const std::string message(message_size, 'm');
    const auto count = world.scaled(400000, 100);
    const auto small =
        in_turns(world.rounds(11), {{"algorithm looked up each time", [&] { looked_up_each_time(message, count); }},
                                    {"custody", [&] { little_each(message, count); }}});
    report.compare({.what = "hash 900 bytes, again and again", .goal = Goal::rate_at_least(1.3)},
                   Unit::microseconds_each(static_cast<double>(count)), small[1], small[0]);
}

}  // namespace custody::bench
