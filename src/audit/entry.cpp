#include "audit/entry.hpp"

#include <algorithm>
#include <array>
#include <custody/ids.hpp>
#include <vector>

#include "base/canonical_json.hpp"
#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

// What a reader of an exported line may have to be spared: names of patients turn up in messages and file names.
constexpr std::array<std::string_view, 9> committed = {"caller",   "configuration", "error_message", "file_name",  "imported",
                                                       "metadata", "query",         "reason",        "source_path"};

struct Opening {
    std::string pointer;
    base::Salt salt;
    std::string text;
};

json or_null(const std::optional<std::string>& text) { return text ? json(*text) : json(nullptr); }

// Replaces free texts by commitments; what the rows don't keep goes to `openings`.
json committed_details(const Draft& draft, std::vector<Opening>& openings) {
    json details = draft.details;
    for (auto& [key, value] : details.items()) {
        if (!is_committed_detail(key) || value.is_null()) continue;
        const auto text = value.is_string() ? value.get<std::string>() : value.dump();
        const auto row = draft.row_salts.find(key);
        const auto salt = row != draft.row_salts.end() ? row->second : base::random_salt();
        if (row == draft.row_salts.end()) openings.push_back({"/details/" + key, salt, text});
        value = base::commit_text(salt, text);
    }
    return details;
}

json to_line(const Draft& draft, const base::Agent& agent, std::int64_t seq, std::vector<Opening>& openings) {
    json line = {
        {"seq", seq},
        {"entry_id", ArtifactId::random().str()},
        {"timestamp", draft.timestamp.value_or(Timestamp::now()).str()},
        {"operation", draft.operation},
        {"action", draft.action},
        {"artifact_id", or_null(draft.artifact_id)},
        {"run_id", or_null(draft.run_id)},
        {"user", draft.user},
        {"module", or_null(draft.module)},
        {"on_behalf_of", or_null(draft.on_behalf_of)},
        {"purpose", or_null(draft.purpose)},
        {"outcome", to_string(draft.outcome)},
        {"success", draft.success},
        {"error_message", nullptr},
        {"agent",
         {{"host", agent.host}, {"os_user", agent.os_user}, {"pid", agent.pid}, {"program", agent.program}, {"uid", agent.uid}}}};
    line["details"] = committed_details(draft, openings);
    if (draft.error_message) {
        const auto salt = base::random_salt();
        openings.push_back({"/error_message", salt, *draft.error_message});
        line["error_message"] = base::commit_text(salt, *draft.error_message);
    }
    return line;
}

}  // namespace

bool is_committed_detail(std::string_view key) { return std::binary_search(committed.begin(), committed.end(), key); }

std::int64_t append(sqlite::Connection& connection, const Draft& draft, const base::Agent& agent) {
    std::int64_t seq = 0;
    {
        sqlite::Query query(connection, "SELECT coalesce(max(seq), 0) + 1 FROM audit_entries");
        query.step();
        seq = query.integer(0);
    }
    std::vector<Opening> openings;
    const auto line = base::canonical_json(to_line(draft, agent, seq, openings));
    sqlite::Query(connection, "INSERT INTO audit_entries (seq, line) VALUES (?, ?)", seq, line).run();
    for (const auto& opening : openings) {
        sqlite::Query(connection, "INSERT INTO audit_openings (seq, pointer, salt, text) VALUES (?, ?, ?, ?)", seq,
                      opening.pointer, std::span<const std::uint8_t>(opening.salt), opening.text)
            .run();
    }
    return seq;
}

}  // namespace custody::audit
