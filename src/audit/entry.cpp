#include "audit/entry.hpp"

#include <algorithm>
#include <array>
#include <custody/error.hpp>
#include <custody/ids.hpp>
#include <vector>

#include "audit/tree.hpp"
#include "base/canonical_json.hpp"
#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

// What a reader of an exported line may have to be spared: names of patients turn up in messages and file names.
constexpr std::array<std::string_view, 9> committed = {"caller",   "configuration", "error_message", "file_name",  "imported",
                                                       "metadata", "query",         "reason",        "source_path"};

void append_member(std::string& line, std::string_view before, const std::optional<std::string_view>& text) {
    line += before;
    if (text) {
        base::append_canonical_string(line, *text);
    } else {
        line += "null";
    }
}

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

std::optional<std::string> committed_error(const Draft& draft, std::vector<Opening>& openings) {
    if (!draft.error_message) return std::nullopt;
    const auto salt = base::random_salt();
    openings.push_back({"/error_message", salt, *draft.error_message});
    return base::commit_text(salt, *draft.error_message);
}

}  // namespace

// Member by member in the order of the canonical form, since to make a tree of them first takes four times as long.
std::string make_line(const Draft& draft, const base::Agent& agent, std::int64_t seq, const Timestamp& time, const json& marks,
                      std::vector<Opening>& openings) {
    auto details = committed_details(draft, openings);
    details.update(marks);
    std::string line;
    line.reserve(1024);
    append_member(line, "{\"action\":", draft.action);
    append_member(line, ",\"agent\":{\"host\":", agent.host);
    append_member(line, ",\"os_user\":", agent.os_user);
    line += ",\"pid\":" + std::to_string(agent.pid);
    append_member(line, ",\"program\":", agent.program);
    line += ",\"uid\":" + std::to_string(agent.uid);
    append_member(line, "},\"artifact_id\":", draft.artifact_id);
    line += ",\"details\":" + base::canonical_json(details);
    append_member(line, ",\"entry_id\":", draft.entry_id ? *draft.entry_id : ArtifactId::random().str());
    append_member(line, ",\"error_message\":", committed_error(draft, openings));
    append_member(line, ",\"module\":", draft.module);
    append_member(line, ",\"on_behalf_of\":", draft.on_behalf_of);
    append_member(line, ",\"operation\":", draft.operation);
    append_member(line, ",\"outcome\":", to_string(draft.outcome));
    append_member(line, ",\"purpose\":", draft.purpose);
    append_member(line, ",\"run_id\":", draft.run_id);
    line += ",\"seq\":" + std::to_string(seq);
    line += draft.success ? ",\"success\":true" : ",\"success\":false";
    append_member(line, ",\"timestamp\":", time.str());
    append_member(line, ",\"user\":", draft.user);
    line += '}';
    return line;
}

bool is_committed_detail(std::string_view key) { return std::binary_search(committed.begin(), committed.end(), key); }

Writer::Writer(sqlite::Connection& connection, const base::Agent& agent, ClockJump jump)
    : Writer(connection, agent, read_trail_end(connection), jump) {}

Writer::Writer(sqlite::Connection& connection, const base::Agent& agent, TrailEnd&& end, ClockJump jump)
    : connection_(connection), agent_(agent), clock_(connection, end, jump), head_(std::move(end.head)) {
    if (static_cast<std::uint64_t>(end.last_seq) != head_.size()) {
        throw Corruption("the audit trail has " + std::to_string(end.last_seq) + " entries, its tree " +
                         std::to_string(head_.size()) +
                         ": entries were added or removed by another program. Nothing was written; "
                         "run custody audit verify");
    }
}

std::int64_t Writer::append(const Draft& draft) {
    const auto seq = static_cast<std::int64_t>(head_.size() + leaves_.size()) + 1;
    std::vector<Opening> openings;
    auto marks = json::object();
    const auto time = clock_.stamp(draft.timestamp.value_or(Timestamp::now()), marks);
    const auto line = make_line(draft, agent_, seq, time, marks, openings);
    sqlite::Query(connection_, "INSERT INTO audit_entries (seq, line) VALUES (?, ?)", seq, line).run();
    for (const auto& opening : openings) {
        sqlite::Query(connection_, "INSERT INTO audit_openings (seq, pointer, salt, text) VALUES (?, ?, ?, ?)", seq,
                      opening.pointer, std::span<const std::uint8_t>(opening.salt), opening.text)
            .run();
    }
    leaves_.push_back(leaf_hash(line));
    return seq;
}

void Writer::finish() {
    if (leaves_.empty()) return;
    head_ = Tree(connection_).extend(std::move(head_), leaves_);
    leaves_.clear();
}

}  // namespace custody::audit
