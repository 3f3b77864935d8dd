#include "audit/table.hpp"

#include <algorithm>
#include <custody/error.hpp>
#include <set>

#include "audit/entry_json.hpp"
#include "base/canonical_json.hpp"
#include "base/hex.hpp"
#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

// A WHERE clause and the values that go with it.
struct Filter {
    std::string where = "1";
    std::vector<std::string> texts;
    std::optional<std::int64_t> success;

    void add(const char* condition, const std::string& value) {
        if (value.empty()) return;
        where += std::string(" AND ") + condition;
        texts.push_back(value);
    }
    int bind(sqlite::Query& query) const {
        int index = 0;
        for (const auto& text : texts) query.bind(++index, text);
        if (success) query.bind(++index, *success);
        return index;
    }
};

Filter filter_of(const AuditQuery& query) {
    Filter filter;
    if (query.start_time) filter.add("timestamp >= ?", query.start_time->str());
    if (query.end_time) filter.add("timestamp < ?", query.end_time->str());
    filter.add("operation = ?", query.operation);
    filter.add("action = ?", query.action);
    if (query.artifact_id) filter.add("artifact_id = ?", query.artifact_id->str());
    if (query.run_id) filter.add("run_id = ?", query.run_id->str());
    filter.add("user = ?", query.user);
    filter.add("module = ?", query.module);
    if (query.outcome) filter.add("outcome = ?", std::string(to_string(*query.outcome)));
    if (query.errors_only) filter.where += " AND success = 0 AND outcome <> 'done'";
    if (query.success) {
        filter.where += " AND success = ?";
        filter.success = *query.success ? 1 : 0;
    }
    return filter;
}

void take_row_texts(sqlite::Connection& connection, const char* sql, const std::string& id,
                    std::initializer_list<const char*> pointers, std::map<std::string, Text>& texts) {
    sqlite::Query query(connection, sql, id);
    if (!query.step()) return;
    int column = 0;
    for (const char* pointer : pointers) {
        const auto salt = query.blob(column);
        if (salt.size() == 16 && !query.is_null(column + 1)) {
            Text text;
            std::copy(salt.begin(), salt.end(), text.salt.begin());
            text.text = query.text(column + 1);
            texts.emplace(pointer, std::move(text));
        }
        column += 2;
    }
}

}  // namespace

void for_each_entry(sqlite::Connection& connection, const AuditQuery& query, const std::function<void(StoredEntry&&)>& use) {
    const auto filter = filter_of(query);
    std::string sql = "SELECT seq, line FROM audit_entries WHERE " + filter.where;
    if (query.limit != 0) sql = "SELECT seq, line FROM (" + sql + " ORDER BY seq DESC LIMIT ?)";
    sqlite::Query rows(connection, sql + " ORDER BY seq");
    const int bound = filter.bind(rows);
    if (query.limit != 0) rows.bind(bound + 1, sqlite::limit_or_all(query.limit));
    while (rows.step()) use({rows.integer(0), rows.text(1)});
}

StoredEntry entry_at(sqlite::Connection& connection, std::int64_t seq) {
    sqlite::Query query(connection, "SELECT line FROM audit_entries WHERE seq = ?", seq);
    if (!query.step()) throw Corruption("audit entry " + std::to_string(seq) + " is missing");
    return {seq, query.text(0)};
}

json last_verification(sqlite::Connection& connection) {
    sqlite::Query query(connection,
                        "SELECT line FROM audit_entries WHERE operation = 'store' AND action = 'verify' AND "
                        "json_extract(line, '$.details.started_at') IS NOT NULL ORDER BY seq DESC LIMIT 1");
    return query.step() ? json::parse(query.view(0)) : json(nullptr);
}

std::vector<std::string> artifacts_handed_out(sqlite::Connection& connection) {
    std::vector<std::string> ids;
    // The beginning of a line tells most of them, without reading it as JSON.
    sqlite::Query query(connection,
                        "SELECT DISTINCT artifact_id FROM audit_entries WHERE substr(line, 1, 20) = '{\"action\":\"get_file\"' "
                        "AND outcome = 'done' AND artifact_id IS NOT NULL "
                        "AND json_extract(line, '$.details.imported_from') IS NULL ORDER BY artifact_id");
    while (query.step()) ids.push_back(query.text(0));
    return ids;
}

void for_each_imported(sqlite::Connection& connection, std::int64_t after_seq, const std::function<void(ImportedEntry&&)>& use) {
    // The text is looked for first: most lines of most stores have it not, and needn't be read as JSON.
    sqlite::Query query(connection,
                        "SELECT e.seq, e.entry_id, json_extract(e.line, '$.details.imported_from'), o.text, "
                        "json_extract(e.line, '$.details.damaged') IS NOT NULL FROM audit_entries AS e "
                        "LEFT JOIN audit_openings AS o ON o.seq = e.seq AND o.pointer = '/details/imported' "
                        "WHERE e.seq > ? AND instr(e.line, '\"imported_from\":') > 0 "
                        "AND json_extract(e.line, '$.details.imported_from') IS NOT NULL ORDER BY e.seq",
                        after_seq);
    while (query.step()) {
        use({query.integer(0), query.text(1), query.text(2), query.optional_text(3), query.integer(4) != 0});
    }
}

std::optional<std::string> imported_record(sqlite::Connection& connection, const std::string& artifact_id) {
    sqlite::Query query(connection,
                        "SELECT o.text FROM audit_entries AS e JOIN audit_openings AS o ON o.seq = e.seq "
                        "AND o.pointer = '/details/imported' WHERE e.artifact_id = ? AND e.operation = 'artifact_creation' "
                        "AND json_extract(e.line, '$.details.imported_from') IS NULL ORDER BY e.seq LIMIT 1",
                        artifact_id);
    return query.step() ? std::optional(query.text(0)) : std::nullopt;
}

std::int64_t count_entries(sqlite::Connection& connection, const AuditQuery& query) {
    const auto filter = filter_of(query);
    sqlite::Query count(connection, "SELECT count(*) FROM audit_entries WHERE " + filter.where);
    filter.bind(count);
    count.step();
    return count.integer(0);
}

Timestamp time_of(sqlite::Connection& connection, std::int64_t seq) {
    sqlite::Query query(connection, "SELECT timestamp FROM audit_entries WHERE seq = ?", seq);
    if (!query.step()) throw Corruption("audit entry " + std::to_string(seq) + " is missing");
    return Timestamp::parse(query.view(0));
}

std::int64_t last_seq(sqlite::Connection& connection) {
    sqlite::Query query(connection, "SELECT coalesce(max(seq), 0) FROM audit_entries");
    query.step();
    return query.integer(0);
}

namespace {

template <class Json>
std::map<std::string, Text> read_texts(sqlite::Connection& connection, std::int64_t seq, const Json& line) {
    std::map<std::string, Text> texts;
    sqlite::Query query(connection, "SELECT pointer, salt, text FROM audit_openings WHERE seq = ? ORDER BY pointer", seq);
    while (query.step()) {
        Text text;
        const auto salt = query.blob(1);
        std::copy_n(salt.begin(), std::min(salt.size(), text.salt.size()), text.salt.begin());
        text.text = query.text(2);
        texts.emplace(query.text(0), std::move(text));
    }
    if (line.value("outcome", "") != "done") return texts;
    const auto operation = line.value("operation", "");
    const auto action = line.value("action", "");
    if (operation == "artifact_creation" && action == "create" && line.at("artifact_id").is_string()) {
        take_row_texts(connection,
                       "SELECT metadata_salt, metadata, file_name_salt, file_name FROM artifacts WHERE artifact_id = ?",
                       line.at("artifact_id").template get<std::string>(), {"/details/metadata", "/details/file_name"}, texts);
    } else if (operation == "processing_run" && action == "start" && line.at("run_id").is_string()) {
        take_row_texts(connection, "SELECT configuration_salt, configuration FROM runs WHERE run_id = ?",
                       line.at("run_id").template get<std::string>(), {"/details/configuration"}, texts);
    }
    // A create that was repeated by its request key names the first artifact but commits to nothing.
    std::erase_if(texts, [&](const auto& text) {
        const json::json_pointer pointer(text.first);
        return !line.contains(pointer) || !line.at(pointer).is_string();
    });
    return texts;
}

bool has_commitments(const std::string& line) { return line.find("\"sha256:") != std::string::npos; }

}  // namespace

std::map<std::string, Text> texts_of(sqlite::Connection& connection, std::int64_t seq, const json& line) {
    return read_texts(connection, seq, line);
}

ordered_json with_texts(sqlite::Connection& connection, const StoredEntry& stored) {
    auto entry = entry_of(stored.line);
    if (!has_commitments(stored.line)) return entry;
    for (auto& [pointer, text] : read_texts(connection, stored.seq, entry)) {
        entry[json::json_pointer(pointer)] = std::move(text.text);
    }
    return entry;
}

std::string exported_line(sqlite::Connection& connection, const StoredEntry& entry) {
    if (!has_commitments(entry.line)) return entry.line;
    auto line = json::parse(entry.line);
    const auto texts = texts_of(connection, entry.seq, line);
    if (texts.empty()) return entry.line;
    auto& openings = line["openings"] = json::object();
    for (const auto& [pointer, text] : texts) {
        line[json::json_pointer(pointer)] = text.text;
        openings[pointer] = base::to_hex(text.salt);
    }
    return base::canonical_json(line);
}

ErrorSummary summarize_errors(sqlite::Connection& connection, AuditQuery query) {
    query.errors_only = true;
    ErrorSummary summary;
    std::set<std::string> messages;
    for_each_entry(connection, query, [&](StoredEntry&& stored) {
        const auto entry = with_texts(connection, stored);
        ++summary.total_errors;
        ++summary.errors_by_operation[entry.at("operation").get<std::string>()];
        if (entry.at("module").is_string()) ++summary.errors_by_module[entry.at("module").get<std::string>()];
        if (entry.at("error_message").is_string()) messages.insert(entry.at("error_message").get<std::string>());
        const auto when = Timestamp::parse(entry.at("timestamp").get<std::string>());
        summary.first = summary.first ? std::min(*summary.first, when) : when;
        summary.last = summary.last ? std::max(*summary.last, when) : when;
    });
    summary.unique_error_messages.assign(messages.begin(), messages.end());
    return summary;
}

}  // namespace custody::audit
