// The scanner against the slow way, which is to parse a text and to write it again.
#include "base/canonical_scan.hpp"

#include <doctest/doctest.h>

#include <custody/error.hpp>
#include <random>

#include "base/canonical_json.hpp"
#include "base/text.hpp"

using namespace custody;
using namespace custody::base;

namespace {

/// Whether reading and writing gives the same text.
bool slowly(const std::string& text) {
    const auto value = json::parse(text, nullptr, false);
    if (value.is_discarded()) return false;
    try {
        return canonical_json(value) == text;
    } catch (const InvalidArgument&) {
        return false;
    }
}

}  // namespace

TEST_CASE("canonical texts are known, and near misses are not") {
    for (const char* good : {"{}", "[]", "null", "true", "false", "0", "-1", "1.5", "1e+30", "9007199254740992", "\"\"",
                             R"({"a":1,"b":[1,{"c":"\n\u001f"}]})", R"({"":0,"a":0,"aa":0})", "\"\xE2\x82\xAC\"",
                             "{\"\xF0\x9F\x98\x80\":1,\"\xEF\xAC\xB3\":2}", R"({"\n":1,"a":2})"}) {
        CAPTURE(good);
        CHECK(is_canonical_json(good));
        CHECK(slowly(good));
    }
    for (const char* wrong : {"",
                              " {}",
                              "{} ",
                              "{ }",
                              R"({"b":1,"a":2})",
                              R"({"a":1,"a":1})",
                              "-0",
                              "01",
                              "1.0",
                              "1.50",
                              "1E5",
                              "1e5",
                              "+1",
                              ".5",
                              "1.",
                              "9007199254740993",
                              "1e400",
                              "nul",
                              "tru",
                              "NaN",
                              R"("\u0041")",
                              R"("\u000a")",
                              R"("\/")",
                              R"("\u001F")",
                              "\"\x01\"",
                              "\"\xff\"",
                              "\"\xed\xa0\x80\"",
                              "\"",
                              R"("\)",
                              R"("\u00)",
                              "[1,]",
                              "[,1]",
                              R"({"a"})",
                              R"({"a":})",
                              R"({"a":1,})",
                              "{,}",
                              "[1 ,2]",
                              "{}{}",
                              "\"a\"b",
                              "--1",
                              "1e+",
                              R"({1:2})",
                              R"({"a":1;"b":2})",
                              "{\"\xEF\xAC\xB3\":1,\"\xF0\x9F\x98\x80\":2}"}) {
        CAPTURE(wrong);
        CHECK_FALSE(is_canonical_json(wrong));
        CHECK_FALSE(slowly(wrong));
    }
    CHECK_FALSE(is_canonical_json(std::string_view("\"\0\"", 3)));
}

TEST_CASE("of 150,000 damaged texts the same are canonical as by reading and writing") {
    const std::string samples[] = {
        R"({"action":"create","agent":{"host":"n1","pid":812},"details":{"file_size":12,"ratio":0.5,"x":[1,2,null,true]},"seq":7})",
        R"({"a":"\"\\\n\u0001é€😀","b":-12.25,"c":1e-7,"é":{},"😀":[]})"};
    const std::string alphabet = "\"\\{}[]:,0123456789.eE+-ntfu \x01\xC3\xA9\xF0\x9F";
    std::mt19937 random(7);
    const int rounds = 150000;
    int canonical = 0;
    for (int round = 0; round < rounds; ++round) {
        auto text = samples[random() % 2];
        for (auto edits = 1 + random() % 2; edits > 0; --edits) {
            const auto at = random() % text.size();
            switch (random() % 3) {
                case 0:
                    text[at] = alphabet[random() % alphabet.size()];
                    break;
                case 1:
                    text.erase(at, 1 + random() % 3);
                    break;
                default:
                    text.insert(at, 1, alphabet[random() % alphabet.size()]);
            }
        }
        CAPTURE(text);
        const bool quick = is_canonical_json(text);
        REQUIRE(quick == slowly(text));
        canonical += quick ? 1 : 0;
    }
    CHECK(canonical > 1000);  // else the test would say little
}

TEST_CASE("deep nesting is refused as the writer refuses it") {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + "1" + std::string(depth, ']'); };
    for (const std::size_t depth : {998U, 999U, 1000U, 1001U, 100000U}) {
        CAPTURE(depth);
        CHECK(is_canonical_json(nested(depth)) == (depth <= 999));
    }
}

TEST_CASE("a string comes back from its canonical form") {
    std::mt19937 random(3);
    for (int round = 0; round < 5000; ++round) {
        std::string text;
        for (auto size = random() % 20; size > 0; --size) text += static_cast<char>(random() % 128);
        text += "\xE2\x82\xAC";
        std::string canonical;
        append_canonical_string(canonical, text);
        CanonicalScan scan(canonical);
        std::string_view raw;
        REQUIRE(scan.string(raw));
        REQUIRE(scan.at_end());
        REQUIRE(unescape(raw) == text);
    }
}
