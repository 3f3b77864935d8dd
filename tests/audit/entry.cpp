#include "audit/entry.hpp"

#include <doctest/doctest.h>

#include <custody/ids.hpp>

#include "audit/line.hpp"
#include "base/canonical_json.hpp"

using namespace custody;

namespace {

const base::Agent agent{.host = "host \"1\"", .os_user = "na\xC3\xAFve", .pid = 77, .program = "a\\b", .uid = 1000};

audit::Draft full_draft() {
    audit::Draft draft{.operation = "artifact_storage", .action = "store", .user = "dr \"x\"\n"};
    draft.artifact_id = ArtifactId::random().str();
    draft.run_id = RunId::random().str();
    draft.module = "m\t1";
    draft.on_behalf_of = "\xF0\x9F\x98\x80";
    draft.purpose = "";
    draft.details = {{"file_size", 7},
                     {"reason", "because"},
                     {"list", {1, 2.5, nullptr, true}},
                     {"metadata", {{"b", 1}, {"a", 2}}},
                     {"file_name", nullptr}};
    draft.outcome = Outcome::failed;
    draft.success = false;
    draft.error_message = "it broke";
    return draft;
}

std::string line_of(const audit::Draft& draft, const json& marks, std::vector<audit::Opening>& openings) {
    return audit::make_line(draft, agent, 12, Timestamp::parse("2026-11-28T04:33:47.000001+00:00"), marks, openings);
}

}  // namespace

TEST_CASE("a line is the canonical form of what it says, with every member and with none that may be left out") {
    const audit::Draft bare{.operation = "store", .action = "open", .user = "u"};
    for (const auto& draft : {full_draft(), bare}) {
        std::vector<audit::Opening> openings;
        const auto line = line_of(draft, json::object(), openings);
        const auto read = json::parse(line);
        CHECK(base::canonical_json(read) == line);
        CHECK(audit::read_line(line));
        CHECK(read.size() == 16);
        CHECK(read["seq"] == 12);
        CHECK(read["timestamp"] == "2026-11-28T04:33:47.000001+00:00");
        CHECK(read["operation"] == draft.operation);
        CHECK(read["action"] == draft.action);
        CHECK(read["user"] == draft.user);
        CHECK(read["success"] == draft.success);
        CHECK(read["outcome"] == to_string(draft.outcome));
        CHECK(read["agent"] ==
              json{{"host", agent.host}, {"os_user", agent.os_user}, {"pid", 77}, {"program", agent.program}, {"uid", 1000}});
        const auto is = [&](const char* key, const std::optional<std::string>& text) {
            return text ? read[key] == *text : read[key].is_null();
        };
        CHECK(is("artifact_id", draft.artifact_id));
        CHECK(is("run_id", draft.run_id));
        CHECK(is("module", draft.module));
        CHECK(is("on_behalf_of", draft.on_behalf_of));
        CHECK(is("purpose", draft.purpose));
        CHECK(read["error_message"].is_null() == !draft.error_message);
    }
}

TEST_CASE("free texts stand in a line as commitments, and what no row keeps is opened beside it") {
    auto draft = full_draft();
    draft.row_salts["metadata"] = base::random_salt();
    std::vector<audit::Opening> openings;
    const auto read = json::parse(line_of(draft, {{"clock_note", "late"}}, openings));
    CHECK(read["details"]["metadata"] == base::commit_text(draft.row_salts["metadata"], R"({"a":2,"b":1})"));
    CHECK(read["details"]["file_name"].is_null());
    CHECK(read["details"]["file_size"] == 7);
    CHECK(read["details"]["clock_note"] == "late");
    REQUIRE(openings.size() == 2);
    CHECK(openings[0].pointer == "/details/reason");
    CHECK(openings[0].text == "because");
    CHECK(read["details"]["reason"] == base::commit_text(openings[0].salt, "because"));
    CHECK(openings[1].pointer == "/error_message");
    CHECK(read["error_message"] == base::commit_text(openings[1].salt, "it broke"));
}

TEST_CASE("an entry has an id of its own, or the one that it came with") {
    std::vector<audit::Opening> openings;
    auto draft = full_draft();
    const auto first = json::parse(line_of(draft, json::object(), openings))["entry_id"];
    CHECK(first != json::parse(line_of(draft, json::object(), openings))["entry_id"]);
    CHECK_NOTHROW((void)ArtifactId::parse(first.get<std::string>()));
    draft.entry_id = first;
    CHECK(json::parse(line_of(draft, json::object(), openings))["entry_id"] == first);
}
