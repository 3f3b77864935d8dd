#include "base/canonical_json.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <custody/error.hpp>

using namespace custody::base;
using custody::json;

namespace {

double from_bits(std::uint64_t bits) { return std::bit_cast<double>(bits); }

}  // namespace

// RFC 8785, appendix B
TEST_CASE("numbers are written as appendix B of RFC 8785 shows") {
    const std::pair<std::uint64_t, const char*> table[] = {
        {0x0000000000000000, "0"},
        {0x8000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0xffefffffffffffff, "-1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef4f, "999999999999999900000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555554, "333333333.33333325"},
        {0x41b3de4355555555, "333333333.3333333"},
        {0x41b3de4355555556, "333333333.3333334"},
        {0x41b3de4355555557, "333333333.33333343"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
    };
    for (const auto& [bits, text] : table) CHECK(canonical_number(from_bits(bits)) == text);
    CHECK_THROWS_AS(canonical_number(from_bits(0x7fffffffffffffff)), custody::InvalidArgument);
    CHECK_THROWS_AS(canonical_number(from_bits(0x7ff0000000000000)), custody::InvalidArgument);
}

// RFC 8785, section 3.2.2 and 3.2.4
TEST_CASE("the sample of RFC 8785 is written byte for byte") {
    const auto sample = json::parse(R"({
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]})");
    CHECK(canonical_json(sample) ==
          "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
          "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

// RFC 8785, section 3.2.3
TEST_CASE("keys are sorted by their UTF-16 code units") {
    const auto sample = json::parse(R"({
        "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"})");
    CHECK(canonical_json(sample) ==
          "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\",\"\xC3\xB6\":\"Latin Small Letter O With "
          "Diaeresis\","
          "\"\xE2\x82\xAC\":\"Euro Sign\",\"\xF0\x9F\x98\x80\":\"Emoji: Grinning Face\","
          "\"\xEF\xAC\xB3\":\"Hebrew Letter Dalet With Dagesh\"}");
    CHECK(canonical_json({{"ab", 1}, {"a", 2}, {"", 3}}) == R"({"":3,"a":2,"ab":1})");
}

TEST_CASE("only what JSON demands is escaped") {
    std::string controls;
    for (char c = 0; c < 0x20; ++c) controls += c;
    CHECK(canonical_json(controls) ==
          R"("\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f)"
          R"(\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f")");
    CHECK(canonical_json("\x7f/<>&'\xE2\x80\xA8") == "\"\x7f/<>&'\xE2\x80\xA8\"");
}

TEST_CASE("empty values and nesting are written without white space") {
    CHECK(canonical_json(json::parse(R"({ "b" : [ ] , "a" : { } , "c" : [ 1 , [ -2 , "" ] ] })")) ==
          R"({"a":{},"b":[],"c":[1,[-2,""]]})");
    CHECK(canonical_json(nullptr) == "null");
    CHECK(canonical_json(-0.0) == "0");
    CHECK(canonical_json(5.0) == "5");
}

TEST_CASE("integers are written up to 2^53 and refused beyond") {
    const std::int64_t limit = std::int64_t{1} << 53;
    CHECK(canonical_json(limit) == "9007199254740992");
    CHECK(canonical_json(-limit) == "-9007199254740992");
    CHECK(canonical_json(static_cast<std::uint64_t>(limit)) == "9007199254740992");
    for (const json& wrong : {json(limit + 1), json(-limit - 1), json(static_cast<std::uint64_t>(limit) + 1),
                              json(std::numeric_limits<std::uint64_t>::max()), json(std::numeric_limits<std::int64_t>::min()),
                              json(static_cast<double>(limit) + 2), json(1e20), json(-1e20)}) {
        CAPTURE(wrong);
        CHECK_THROWS_AS(canonical_json({{"n", wrong}}), custody::InvalidArgument);
    }
    CHECK(canonical_json(1e21) == "1e+21");
}

TEST_CASE("what has no form in JSON is refused") {
    CHECK_THROWS_AS(canonical_json(std::nan("")), custody::InvalidArgument);
    CHECK_THROWS_AS(canonical_json(std::numeric_limits<double>::infinity()), custody::InvalidArgument);
    CHECK_THROWS_AS(canonical_json(json::binary({1, 2})), custody::InvalidArgument);
    CHECK_THROWS_AS(canonical_json(json(json::value_t::discarded)), custody::InvalidArgument);
    for (const char* wrong : {"\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "a\x80"}) {
        CHECK_THROWS_AS(canonical_json(wrong), custody::InvalidArgument);
        CHECK_THROWS_AS(canonical_json({{wrong, 1}}), custody::InvalidArgument);
    }
}

TEST_CASE("deep nesting is refused rather than overflowing the stack") {
    json deep;
    for (int i = 0; i < 999; ++i) deep = json::array({std::move(deep)});
    CHECK(canonical_json(deep) == std::string(999, '[') + "null" + std::string(999, ']'));
    for (int i = 0; i < 100000; ++i) deep = json::array({std::move(deep)});
    CHECK_THROWS_AS(canonical_json(deep), custody::InvalidArgument);
}

TEST_CASE("a number that is read back is the same double") {
    std::mt19937_64 random(3);
    for (int round = 0; round < 20000; ++round) {
        const double value = from_bits(random());
        if (!std::isfinite(value)) continue;
        const std::string text = canonical_number(value);
        REQUIRE(std::strtod(text.c_str(), nullptr) == value);
    }
}

namespace {

std::string random_text(std::mt19937& random) {
    static const char* const pieces[] = {
        "a", "Z", "\"", "\\", "\n", "\x01", "\xC3\xB6", "\xE2\x82\xAC", "\xEF\xAC\xB3", "\xF0\x9F\x98\x80", "/"};
    std::string text;
    for (auto count = random() % 6; count > 0; --count) text += pieces[random() % std::size(pieces)];
    return text;
}

json random_value(std::mt19937& random, int depth) {
    switch (random() % (depth > 0 ? 8U : 6U)) {
        case 0:
            return nullptr;
        case 1:
            return random() % 2 == 0;
        case 2:
            return static_cast<std::int64_t>(random()) - (std::int64_t{1} << 31);
        case 3:
            return std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 80) - 60);
        case 4:
            return 1.0 / static_cast<double>(random() + 1U);
        case 5:
            return random_text(random);
        case 6: {
            json array = json::array();
            for (auto count = random() % 5; count > 0; --count) array.push_back(random_value(random, depth - 1));
            return array;
        }
        default: {
            json object = json::object();
            for (auto count = random() % 5; count > 0; --count) object[random_text(random)] = random_value(random, depth - 1);
            return object;
        }
    }
}

}  // namespace

TEST_CASE("what was written, read and written again is the same text and value") {
    std::mt19937 random(4);
    for (int round = 0; round < 5000; ++round) {
        const json value = random_value(random, 4);
        const std::string text = canonical_json(value);
        const json read = json::parse(text);
        REQUIRE(canonical_json(read) == text);
        REQUIRE(read == value);
    }
}
