#include "base/commitment.hpp"

#include <doctest/doctest.h>

#include "base/sha256.hpp"

using namespace custody::base;

TEST_CASE("a commitment is the SHA-256 of salt and text") {
    Salt salt{};
    for (std::size_t i = 0; i < salt.size(); ++i) salt[i] = static_cast<std::uint8_t>(i);
    // printf '\x00\x01…\x0f''codec' | sha256sum
    const std::string salted(
        "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
        "codec",
        21);
    CHECK(commit_text(salt, "codec") == "sha256:" + sha256(salted).hex());
    CHECK(commit_text(salt, "codec") == "sha256:47a889458f82d18867559ba8eb26869bc1cda2a35b1259e7ea1a0a283a508dd5");
    CHECK(commit_text(salt, "").size() == 71);
}

TEST_CASE("equal texts can't be told to be equal") {
    const Salt first = random_salt();
    const Salt second = random_salt();
    CHECK(first != second);
    CHECK(commit_text(first, "codec") != commit_text(second, "codec"));
    CHECK(commit_text(first, "codec") == commit_text(first, "codec"));
}
