#include "audit/entry_json.hpp"

#include <doctest/doctest.h>

#include <custody/ids.hpp>

#include "audit/entry.hpp"
#include "base/canonical_json.hpp"

using namespace custody;

namespace {

const std::vector<std::string> order = {"entry_id", "timestamp",    "operation", "artifact_id",   "user", "module",
                                        "action",   "details",      "success",   "error_message", "seq",  "outcome",
                                        "run_id",   "on_behalf_of", "purpose",   "agent"};

std::string line_with(const json& details) {
    const json line = {{"entry_id", "e"},
                       {"timestamp", "2026-11-28T04:33:47.000001+00:00"},
                       {"operation", "artifact_creation"},
                       {"action", "create"},
                       {"details", details},
                       {"success", true},
                       {"error_message", nullptr},
                       {"seq", 9007199254740992},
                       {"agent", {{"pid", 1}, {"host", "a \"b\" \\ \n \x01 \xC3\xA9 \xF0\x9F\x98\x80"}}},
                       {"openings", {{"/error_message", "00"}}}};
    return base::canonical_json(line);
}

std::vector<std::string> keys_of(const ordered_json& object) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : object.items()) keys.push_back(key);
    return keys;
}

/// As nlohmann's parser reads it.
void check_is_read(const std::string& line) {
    CAPTURE(line);
    const auto entry = audit::entry_of(line);
    CHECK(keys_of(entry) == order);
    const auto read = ordered_json::parse(line);
    for (const auto& key : order) CHECK(entry.at(key).dump() == (read.contains(key) ? read.at(key).dump() : "null"));
}

json nested(int levels) {
    json value = 1;
    for (int i = 0; i < levels; ++i) value = {{"a", std::move(value)}};
    return value;
}

}  // namespace

TEST_CASE("an entry of a line has the sixteen members in their order, with the values that a parser reads") {
    const std::vector<json> all = {
        json::object(),
        {{"n", {0, 1, -1, 1.5, -0.25, 1e21, 1e-7, 123456789012345}}},
        {{"empty", json::array()}, {"none", nullptr}, {"yes", true}, {"no", false}, {"", ""}},
        {{"\xC3\xA9", "\xE2\x82\xAC"}, {"\"", "\\\"\t"}, {"z", {{"b", {{"c", {1, {{"d", 2}}}}}}, {"a", -7}}}},
        nested(10),
        nested(62),
        nested(63),
        nested(200)};
    for (const auto& details : all) check_is_read(line_with(details));
    check_is_read("{}");
}

TEST_CASE("numbers keep their kinds") {
    const auto details = audit::entry_of(line_with({{"a", 7}, {"b", -7}, {"c", 0.5}, {"d", 0}})).at("details");
    CHECK(details.at("a").is_number_unsigned());
    CHECK((details.at("b").is_number_integer() && !details.at("b").is_number_unsigned()));
    CHECK(details.at("c").is_number_float());
    CHECK(details.at("d").is_number_unsigned());
}

TEST_CASE("a line that somebody altered is read by the parser, and refused where it is no JSON") {
    const auto line = line_with({{"a", 1}, {"b", 2}});
    check_is_read(" " + line);
    check_is_read(R"({"seq": 3, "action" : "x"})");
    check_is_read(R"({"user":"\u00e9","seq":1})");
    check_is_read(R"({"details":{"b":1,"a":2},"seq":1e0})");
    for (const auto* bad : {"", "{", "[]x", "{\"seq\":}", "{\"seq\":1}x"})
        CHECK_THROWS_AS((void)audit::entry_of(bad), json::exception);
}
