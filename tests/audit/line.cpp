#include "audit/line.hpp"

#include <doctest/doctest.h>

#include <custody/json.hpp>

#include "base/canonical_json.hpp"
#include "base/hex.hpp"

using namespace custody;
using namespace custody::audit;

namespace {

base::Salt salt_of(std::uint8_t byte) {
    base::Salt salt;
    salt.fill(byte);
    return salt;
}

json sample() {
    return {
        {"action", "update_status"},
        {"agent", {{"host", "n1"}, {"pid", 8}}},
        {"artifact_id", "5f0c"},
        {"details", {{"error_message", base::commit_text(salt_of(1), "codec \"x\"\n")}, {"new_status", "failed"}, {"note", "a"}}},
        {"entry_id", "0d4a"},
        {"error_message", base::commit_text(salt_of(2), "é")},
        {"module", nullptr},
        {"on_behalf_of", nullptr},
        {"operation", "artifact_update"},
        {"outcome", "done"},
        {"purpose", nullptr},
        {"run_id", nullptr},
        {"seq", 7},
        {"success", false},
        {"timestamp", "2026-11-23T02:07:16.146392+00:00"},
        {"user", "researcher_1"}};
}

}  // namespace

TEST_CASE("a line is read without building values") {
    const auto line = base::canonical_json(sample());
    const auto view = read_line(line);
    REQUIRE(view);
    CHECK(view->seq == 7);
    CHECK(view->operation == "artifact_update");
    CHECK(view->action == "update_status");
    CHECK(view->outcome == "done");
    CHECK(view->artifact_id == "5f0c");
    CHECK(view->run_id.empty());
    CHECK(view->timestamp == "2026-11-23T02:07:16.146392+00:00");
    REQUIRE(view->texts.size() == 2);
    CHECK(view->texts[0].pointer == "/details/error_message");
    CHECK(view->texts[1].pointer == "/error_message");
    CHECK(view->texts[0].is_commitment());
    CHECK(line.substr(view->openings_place).starts_with("\"operation\""));
}

TEST_CASE("what is no entry is none") {
    for (const char* member : {"details", "operation", "seq"}) {
        auto broken = sample();
        broken.erase(member);
        CHECK_FALSE(read_line(base::canonical_json(broken)));
    }
    for (const json& seq : {json(0), json(-1), json(1.5), json("7"), json(nullptr)}) {
        auto broken = sample();
        broken["seq"] = seq;
        CHECK_FALSE(read_line(base::canonical_json(broken)));
    }
    const auto line = base::canonical_json(sample());
    CHECK_FALSE(read_line(line + " "));
    CHECK_FALSE(read_line(line.substr(0, line.size() - 1)));
    CHECK_FALSE(read_line("[]"));
    CHECK_FALSE(read_line(""));
}

TEST_CASE("exporting a line and taking its texts out again gives the stored line") {
    const auto stored = base::canonical_json(sample());
    const Texts texts = {{"/details/error_message", {salt_of(1), "codec \"x\"\n"}}, {"/error_message", {salt_of(2), "é"}}};
    const auto exported = exported_line(stored, *read_line(stored), texts);

    // The same by the words of the format: texts put in place, one key more, canonical JSON.
    auto wanted = sample();
    wanted["details"]["error_message"] = "codec \"x\"\n";
    wanted["error_message"] = "é";
    wanted["openings"] = {{"/details/error_message", base::to_hex(salt_of(1))}, {"/error_message", base::to_hex(salt_of(2))}};
    CHECK(exported == base::canonical_json(wanted));

    const auto view = read_line(exported);
    REQUIRE(view);
    CHECK(stored_line(exported, *view) == stored);
    CHECK(stored_line(stored, *read_line(stored)) == stored);
    CHECK(exported_line(stored, *read_line(stored), {}) == stored);

    const Texts one = {{"/error_message", {salt_of(2), "é"}}, {"/details/metadata", {salt_of(3), "{}"}}};
    const auto partly = exported_line(stored, *read_line(stored), one);
    CHECK(partly.find("/details/metadata") == std::string::npos);
    CHECK(stored_line(partly, *read_line(partly)) == stored);
}

TEST_CASE("an exported line is canonical whatever members the entry has beside those of this version") {
    auto entry = sample();
    for (const char* key : {"opening", "openings_", "operatio", "operation_", "zz", "\\", "\n", "\xC3\xA9"}) entry[key] = 1;
    const auto stored = base::canonical_json(entry);
    const auto exported = exported_line(stored, *read_line(stored), {{"/error_message", {salt_of(2), "é"}}});
    const auto view = read_line(exported);
    REQUIRE(view);
    CHECK(stored_line(exported, *view) == stored);
}

TEST_CASE("openings that fit no place, or are malformed, are refused") {
    auto line = sample();
    for (const json& openings : {json::object(), json{{"/details/new_status", std::string(32, '0')}},
                                 json{{"/user", std::string(32, '0')}}, json{{"/error_message", std::string(31, '0')}},
                                 json{{"/error_message", std::string(32, 'A')}}, json{{"/error_message", ""}}}) {
        line["openings"] = openings;
        const auto text = base::canonical_json(line);
        CAPTURE(text);
        const auto view = read_line(text);
        REQUIRE(view);
        CHECK_FALSE(stored_line(text, *view));
    }
    for (const json& openings : {json(nullptr), json("x"), json{{"/error_message", 1}}}) {
        line["openings"] = openings;
        CHECK_FALSE(read_line(base::canonical_json(line)));
    }
}
