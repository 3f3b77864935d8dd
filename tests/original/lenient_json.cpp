#include "original/lenient_json.hpp"

#include <doctest/doctest.h>

#include <ctime>
#include <custody/error.hpp>

#include "base/strict_json.hpp"

using namespace custody;
using namespace custody::original;

namespace {

std::string value_of(const std::string& text) {
    const auto object = read_lenient("{\"v\": " + text + "}");
    if (!object) return "(none)";
    // Whatever it answers, the strict reader takes.
    CHECK_NOTHROW(base::parse_strict_object("{\"v\":" + *object->find("v") + "}", {1 << 20, 600}, "it"));
    return *object->find("v");
}

std::vector<std::string> mends_of(const std::string& text) {
    const auto object = read_lenient(text);
    REQUIRE(object);
    return object->mends;
}

}  // namespace

TEST_CASE("what is good JSON stays as it is, white space aside") {
    for (const char* text : {"null", "true", "false", "0", "-1", "1.50", "1e5", "12345678901234567890123", "-0.0", "\"\"",
                             "\"a\"", "[]", "[1,[2,{}]]", "{}", "{\"b\":1,\"a\":[{\"c\":null}]}"}) {
        CHECK(value_of(text) == text);
        CHECK(mends_of(std::string("{\"v\": ") + text + "}").empty());
    }
    CHECK(value_of(" [ 1 , 2 ] ") == "[1,2]");
    CHECK(value_of("{ \"a\" : { } }") == "{\"a\":{}}");
    CHECK(value_of("\"\\u00e9\\n\\\"\\/\\ud83d\\ude00\"") == "\"é\\n\\\"/\U0001F600\"");
}

TEST_CASE("what Python writes and JSON doesn't have is put right and told, with its place") {
    CHECK(value_of("NaN") == "null");
    CHECK(value_of("[Infinity, -Infinity, 1e999]") == "[null,null,null]");
    CHECK(mends_of("{\"a\": {\"b\": [1, NaN]}}") == std::vector<std::string>{"/a/b/1: NaN is no JSON: it became null"});
    CHECK(value_of("\"\\ud83d\"") == "\"\xEF\xBF\xBD\"");
    CHECK(value_of("\"\\ud83dx\"") == "\"\xEF\xBF\xBDx\"");
    CHECK(value_of("\"\\ud83d\\u0041\"") ==
          "\"\xEF\xBF\xBD"
          "A\"");
    CHECK(value_of("\"\\ude00\"") == "\"\xEF\xBF\xBD\"");
    CHECK(value_of("\"a\\u0000b\"") ==
          "\"a\xEF\xBF\xBD"
          "b\"");
    CHECK(value_of("\"a\xFF"
                   "b\"") ==
          "\"a\xEF\xBF\xBD"
          "b\"");
    CHECK(value_of("\"a\nb\"") == "\"a\\nb\"");
    CHECK(mends_of("{\"a\": \"\\u0000\"}").size() == 1);
}

TEST_CASE("of a key that comes twice the last value counts, in the place of the first, at any depth") {
    const auto object = read_lenient("{\"a\": 1, \"b\": {\"x\": 1, \"y\": 2, \"x\": [1, 2], \"z\": 3, \"y\": 4}, \"a\": 3}");
    REQUIRE(object);
    REQUIRE(object->members.size() == 2);
    CHECK(object->members[0] == std::pair<std::string, std::string>("a", "3"));
    CHECK(*object->find("b") == "{\"x\":[1,2],\"y\":4,\"z\":3}");
    CHECK(object->mends.size() == 3);
    CHECK(value_of("{\"x\": 1, \"x\": 2}") == "{\"x\":2}");
    CHECK(value_of("[0, {\"x\": {\"y\": 1, \"y\": {}}, \"x\": {\"y\": 3, \"z\": 4, \"y\": 5}}]") ==
          "[0,{\"x\":{\"y\":5,\"z\":4}}]");
}

TEST_CASE("an object of very many keys takes as long as its text, at any depth, and where all of them come twice") {
    std::string members;
    for (int key = 0; key < 100000; ++key) members.append("\"key ").append(std::to_string(key)).append("\": 1, ");
    const auto begun = std::clock();
    const auto object = read_lenient("{" + members + members + "\"in\": {" + members + members + "\"last\": 2}}");
    // Compared with each other they would take minutes.
    CHECK(static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC < 20);
    REQUIRE(object);
    CHECK(object->members.size() == 100001);
    CHECK(object->value("in").size() == 100001);
    CHECK(object->mends.size() == 200000);
}

TEST_CASE("what is no object, is cut off at any place, or is nested without end is none") {
    for (const char* text : {"",           "[]",           "1",          "{",           "{\"a\"",          "{\"a\":",
                             "{\"a\":1",   "{\"a\":1,",    "{\"a\":1,}", "{a:1}",       "{\"a\":01}",      "{\"a\":1.}",
                             "{\"a\":.5}", "{\"a\":+1}",   "{\"a\":1e}", "{\"a\":tru}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}",
                             "{\"a\":[1}", "{\"a\":[1,]}", "{\"a\" 1}"}) {
        CAPTURE(text);
        CHECK_FALSE(read_lenient(text));
    }
    const std::string deep(600, '[');
    CHECK_FALSE(read_lenient("{\"a\":" + deep + std::string(600, ']') + "}"));
    const std::string whole = "{\"a\": {\"b\": [1, \"x\\u00e9\", -2.5e3]}, \"c\": null}";
    for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(read_lenient(whole.substr(0, size)));
}

TEST_CASE("reading begins where it is told to and says where it ended") {
    const std::string text = "{\"a\":1}  {\"b\":2}";
    const auto first = read_lenient(text);
    REQUIRE(first);
    CHECK(first->end == 7);
    const auto second = read_lenient(text, first->end);
    REQUIRE(second);
    CHECK(second->end == text.size());
    CHECK(second->value("b") == 2);
    CHECK(second->value("none").is_null());
    CHECK_FALSE(second->text("b"));
}
