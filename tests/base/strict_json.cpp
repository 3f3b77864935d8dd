#include "base/strict_json.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <ctime>
#include <limits>
#include <random>

#include <custody/error.hpp>

using namespace custody::base;
using custody::json;

namespace {

/// What the refusal says, or "" where the text was taken.
std::string refusal(std::string_view text, const JsonLimits& limits = {}) {
    try {
        static_cast<void>(parse_strict_object(text, limits, "metadata"));
        return "";
    } catch (const custody::InvalidArgument& error) {
        return error.what();
    }
}

std::string nested(std::size_t levels) {
    std::string text = "0";
    for (std::size_t i = 0; i < levels; ++i) text = "{\"a\":" + text + "}";
    return text;
}

}  // namespace

TEST_CASE("a plain object is parsed as it stands") {
    CHECK(parse_strict_object(R"( {"fps":30,"tags":["a",{"b":null}],"name":"M\u00fcller \ud83d\ude00","x":-1.5e3} )", {},
                              "metadata") ==
          json{{"fps", 30}, {"tags", {"a", {{"b", nullptr}}}}, {"name", "M\xC3\xBCller \xF0\x9F\x98\x80"}, {"x", -1500.0}});
    CHECK(parse_strict_object("{}", {}, "metadata") == json::object());
}

TEST_CASE("anything but one object is refused") {
    for (const char* text : {"[]", "[{}]", "\"text\"", "1", "1.5", "-1", "true", "null"}) {
        CAPTURE(text);
        CHECK(refusal(text) == "metadata must be a JSON object");
    }
    for (const char* text : {"",
                             " ",
                             "{",
                             "}",
                             "{}{}",
                             "{} x",
                             "{}]",
                             "{\"a\":1,}",
                             "{'a':1}",
                             "{a:1}",
                             "{\"a\":01}",
                             "{\"a\":+1}",
                             "{\"a\":.5}",
                             "{\"a\":1.}",
                             "{\"a\":NaN}",
                             "{\"a\":Infinity}",
                             "{\"a\":-Infinity}",
                             "{\"a\":\"\n\"}",
                             "{\"a\":\"\\x\"}",
                             "{/**/}",
                             "{} // end",
                             "{\"a\":tru}",
                             "{\"a\":[1}"}) {
        CAPTURE(text);
        CHECK(refusal(text).starts_with("metadata is not valid JSON at byte "));
    }
    CHECK(refusal("\xEF\xBB\xBF{}") == "metadata begins with a byte order mark");
}

TEST_CASE("a key that stands twice in one object is refused, however it is written") {
    CHECK(refusal(R"({"a":1,"b":2,"a":1})") == "metadata has a key twice in one object");
    CHECK(refusal(R"({"a":1,"\u0061":2})") == "metadata has a key twice in one object");
    CHECK(refusal(R"({"x":[{"k":{},"l":0,"k":{}}]})") == "metadata has a key twice in one object");
    CHECK(refusal(R"({"a":{"a":{"a":1}},"b":{"a":1},"c":[{"a":1},{"a":1}]})").empty());
}

TEST_CASE("NUL is refused, raw and escaped, in values and keys") {
    using namespace std::string_view_literals;
    for (const auto text : {"{}\0{\"a\":1}"sv, "{\"a\":\"x\0y\"}"sv, "\0"sv, "{\"a\":\"\\u0000\"}"sv, "{\"a\\u0000b\":1}"sv}) {
        CHECK(refusal(text) == "metadata contains a NUL character");
    }
}

TEST_CASE("lone surrogates and invalid UTF-8 are refused") {
    for (const char* text : {R"({"a":"\ud800"})", R"({"a":"\udc00"})", R"({"a":"\ud800x"})", R"({"a":"\ud800\ud800"})",
                             R"({"\udfff":1})", "{\"a\":\"\xff\"}", "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\xed\xa0\x80\"}",
                             "{\"a\":\"\xc3\"}", "{\"\xf4\x90\x80\x80\":1}"}) {
        CAPTURE(text);
        CHECK(refusal(text).starts_with("metadata is not valid JSON at byte "));
    }
}

TEST_CASE("a number that overflows a double is refused") {
    CHECK(refusal(R"({"a":1e400})") == "metadata has a number that no double can hold");
    CHECK(refusal(R"({"a":[-1e400]})") == "metadata has a number that no double can hold");
    CHECK(refusal("{\"a\":" + std::string(400, '9') + "}") == "metadata has a number that no double can hold");
    CHECK(refusal(R"({"a":1e308,"b":1e-400,"c":123456789012345678901234567890})").empty());
}

TEST_CASE("size and depth are bounded, the bound itself allowed") {
    const JsonLimits limits{.bytes = 64, .depth = 5};
    CHECK(refusal("{}" + std::string(62, ' '), limits).empty());
    CHECK(refusal("{}" + std::string(63, ' '), limits) == "metadata is larger than 64 bytes");
    CHECK(refusal(nested(5), limits).empty());
    CHECK(refusal(nested(6), limits) == "metadata is nested more than 5 levels deep");
    CHECK(refusal(R"({"a":[[[[]]]]})", limits).empty());
    CHECK(refusal(R"({"a":[[[[[]]]]]})", limits) == "metadata is nested more than 5 levels deep");
    CHECK(refusal(nested(64)).empty());
    CHECK(refusal(nested(65)) == "metadata is nested more than 64 levels deep");
}

TEST_CASE("nesting without end doesn't reach the stack") {
    const JsonLimits wide{.bytes = 10'000'000, .depth = 64};
    CHECK(refusal("{\"a\":" + std::string(100000, '['), wide) == "metadata is nested more than 64 levels deep");
    CHECK(refusal(std::string(100000, '['), wide) == "metadata must be a JSON object");
    const JsonLimits none{.bytes = 10'000'000, .depth = 10'000'000};
    CHECK(refusal("{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}", none).empty());
    json deep = json::object();
    for (int i = 0; i < 100000; ++i) deep = json::array({std::move(deep)});
    const json object{{"a", std::move(deep)}};
    CHECK_THROWS_AS(dump_strict_object(object, wide, "metadata"), custody::InvalidArgument);
}

TEST_CASE("a refusal never repeats the text") {
    for (const char* text : {"{\"Miller\":1,\"Miller\":2}", "{\"a\":Miller}", "Miller", "{\"Miller\":1e400}",
                             "{\"a\":\"Miller\\u0000\"}", "{\"a\":\"Miller\xff\"}", "{\"a\":\"Miller", "\"Miller\""}) {
        const std::string message = refusal(text);
        CAPTURE(message);
        CHECK_FALSE(message.empty());
        CHECK(message.find("ille") == std::string::npos);
    }
}

TEST_CASE("a value is dumped under the rules that a text is parsed by") {
    const json value{{"b", {1, 2.5, "\xC3\xB6"}}, {"a", {{"c", nullptr}}}};
    CHECK(dump_strict_object(value, {}, "metadata") == "{\"a\":{\"c\":null},\"b\":[1,2.5,\"\xC3\xB6\"]}");
    CHECK(dump_strict_object(json::parse(nested(64)), {}, "metadata") == nested(64));
    using namespace std::string_literals;
    const json wrong[] = {nullptr,
                          json::array(),
                          "text",
                          1,
                          {{"a", std::nan("")}},
                          {{"a", std::numeric_limits<double>::infinity()}},
                          {{"a", "\xff"}},
                          {{"\xff", 1}},
                          {{"a", "x\0y"s}},
                          {{"x\0"s, 1}},
                          {{"a", json::binary({1})}},
                          {{"a", json(json::value_t::discarded)}},
                          json::parse(nested(65)),
                          {{"a", std::string(65536, 'x')}}};
    for (const auto& each : wrong) CHECK_THROWS_AS(dump_strict_object(each, {}, "metadata"), custody::InvalidArgument);
}

TEST_CASE("a text is read with its keys in their order, as nlohmann's parser reads it, however many there are") {
    for (const char* text :
         {"{}", "[]", "null", "{\"b\":1,\"a\":[-1,2.5,1e300,18446744073709551615,{\"c\":{}},[],[[true]]],\"\":\"\\u00e9\"}",
          "{\"z\":{\"y\":{\"x\":null}},\"a\":\"b\"}"}) {
        CHECK(parse_ordered(text).dump() == custody::ordered_json::parse(text).dump());
    }
    for (const char* text : {"", "{", "{\"a\":}", "[1]]", "x"}) CHECK_THROWS_AS((void)parse_ordered(text), json::parse_error);
    std::string text = "{\"first\":0";
    for (int key = 0; key < 200000; ++key) text.append(",\"key ").append(std::to_string(key)).append("\":1");
    const auto begun = std::clock();
    const auto object = parse_ordered(text + "}");
    // Compared with each other they would take minutes.
    CHECK(static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC < 20);
    CHECK(object.size() == 200001);
    CHECK(object.begin().key() == "first");
}

TEST_CASE("ten thousand mangled texts are refused or read, and never anything else") {
    const std::string good =
        R"({"fps":30,"tags":["a",{"b":null}],"name":"M\u00fcller \ud83d\ude00","x":-1.5e3,"y":[true,false]})";
    std::mt19937 random(5);
    int taken = 0;
    for (int round = 0; round < 10000; ++round) {
        std::string text = good;
        for (auto count = random() % 4; count > 0; --count) {
            const std::size_t at = random() % text.size();
            if (random() % 3 == 0) text.erase(at, random() % 5);
            if (text.empty()) text.push_back('x');
            text[random() % text.size()] = static_cast<char>(random());
        }
        try {
            const json value = parse_strict_object(text, {}, "metadata");
            REQUIRE(parse_strict_object(dump_strict_object(value, {}, "metadata"), {}, "metadata") == value);
            ++taken;
        } catch (const custody::InvalidArgument&) {
        }
    }
    CHECK(taken > 1000);
    CHECK(taken < 9000);
}
