#include "base/sha256.hpp"

#include <doctest/doctest.h>

#include <random>
#include <thread>
#include <vector>

using namespace custody::base;

// Vectors of FIPS 180-4's examples and of NIST's SHAVS (SHA256ShortMsg.rsp).
TEST_CASE("SHA-256 answers what NIST published") {
    CHECK(sha256("").hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").hex() ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(
        sha256("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu")
            .hex() == "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    CHECK(sha256(std::string(1000000, 'a')).hex() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    CHECK(sha256("\xd3").hex() == "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1");
}

TEST_CASE("SHA-256 doesn't depend on how the bytes come in pieces") {
    std::mt19937 random(2);
    std::string text(100000, '\0');
    for (auto& c : text) c = static_cast<char>(random());
    const auto expected = sha256(text);
    Sha256 hash;
    for (int round = 0; round < 20; ++round) {
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t size = std::min<std::size_t>(random() % 3000, text.size() - at);
            hash.update(std::string_view(text).substr(at, size));
            at += size;
        }
        REQUIRE(hash.finish() == expected);  // and it starts anew each time
    }
    CHECK(hash.finish() == sha256(""));
}

TEST_CASE("a SHA-256 that is moved goes on where it was") {
    Sha256 first;
    first.update("a");
    Sha256 second(std::move(first));
    second.update("b");
    Sha256 third;
    third = std::move(second);
    third.update("c");
    CHECK(third.finish() == sha256("abc"));
}

TEST_CASE("SHA-256 may be computed by many threads at once") {
    const std::string text(5000, 'x');
    const auto expected = sha256(text);
    std::vector<int> wrong(8);
    std::vector<std::thread> threads;
    for (auto& count : wrong) {
        threads.emplace_back([&] {
            for (int i = 0; i < 300; ++i) count += sha256(text) == expected ? 0 : 1;
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(wrong == std::vector<int>(8));
}
