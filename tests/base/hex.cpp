#include "base/hex.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <vector>

using namespace custody::base;

TEST_CASE("hex writes two lower-case digits a byte") {
    const std::array<std::uint8_t, 5> bytes{0x00, 0x0f, 0x10, 0xab, 0xff};
    CHECK(to_hex(bytes) == "000f10abff");
    CHECK(to_hex({}).empty());
}

TEST_CASE("hex reads back whatever it wrote") {
    std::mt19937 random(1);
    for (int round = 0; round < 200; ++round) {
        std::vector<std::uint8_t> bytes(random() % 70);
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
        std::vector<std::uint8_t> read(bytes.size());
        REQUIRE(from_hex(to_hex(bytes), read));
        REQUIRE(read == bytes);
    }
}

TEST_CASE("hex of another length or with another character is refused") {
    std::array<std::uint8_t, 2> bytes{};
    CHECK(from_hex("09af", bytes));
    for (const char* wrong : {"", "09a", "09af0", "09af00", "09AF", "09ag", "09a/", "09a:", "09a`", "0x9a", " 9af", "09a\xff"}) {
        CAPTURE(wrong);
        CHECK_FALSE(from_hex(wrong, bytes));
    }
}
