#include "base/base64.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace custody::base;

namespace {
std::vector<std::uint8_t> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }
}  // namespace

// RFC 4648, section 10
TEST_CASE("the vectors of RFC 4648") {
    const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"}};
    for (const auto& [text, base64] : vectors) {
        CHECK(to_base64(bytes_of(text)) == base64);
        CHECK(from_base64(base64) == bytes_of(text));
    }
}

TEST_CASE("what is written otherwise is refused") {
    for (const char* wrong : {"Zg", "Zg=", "Zg==\n", " Zg==", "Zh==", "Zm9=", "Zm9v=", "Z-8=", "Zm9v Zm9v", "=", "===="}) {
        CAPTURE(wrong);
        CHECK_FALSE(from_base64(wrong));
    }
}

TEST_CASE("bytes come back as they were") {
    std::mt19937 random(1);
    for (std::size_t size = 0; size < 200; ++size) {
        std::vector<std::uint8_t> bytes(size);
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
        CHECK(from_base64(to_base64(bytes)) == bytes);
    }
}
