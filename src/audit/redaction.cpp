#include "audit/redaction.hpp"

#include <algorithm>
#include <custody/error.hpp>
#include <set>

#include "audit/table.hpp"
#include "audit/text_reader.hpp"
#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

// Columns that keep a text which an entry's opening has too: error messages and reasons. Only where this entry is the one that
// the column's text comes from; another's that has the same text is that entry's.
void empty_copy(sqlite::Connection& connection, std::int64_t seq, const LineView& line, const std::string& pointer,
                const Timestamp& now) {
    if (line.outcome != "done") return;
    if (line.operation == "artifact_update" && pointer == "/details/error_message") {
        sqlite::Query(connection,
                      "UPDATE artifacts SET error_message = NULL, updated_at = ?1 WHERE artifact_id = ?2 AND ?3 = "
                      "(SELECT max(seq) FROM audit_entries WHERE artifact_id = ?2 AND action = 'update_status' AND "
                      "outcome = 'done' AND json_extract(line, '$.details.imported_from') IS NULL)",
                      now.str(), line.artifact_id, seq)
            .run();
    } else if (line.operation == "artifact_creation" && pointer == "/details/error_message") {
        // Imported as failed; unless its status was changed since.
        sqlite::Query(connection,
                      "UPDATE artifacts SET error_message = NULL, updated_at = ?1 WHERE artifact_id = ?2 AND NOT EXISTS "
                      "(SELECT 1 FROM audit_entries WHERE artifact_id = ?2 AND action = 'update_status' AND outcome = 'done' "
                      "AND json_extract(line, '$.details.imported_from') IS NULL)",
                      now.str(), line.artifact_id)
            .run();
    } else if (line.operation == "processing_run" && pointer == "/details/error_message") {
        sqlite::Query(connection, "UPDATE runs SET error_message = NULL WHERE run_id = ?", line.run_id).run();
    } else if (line.operation == "artifact_hold" && line.action == "add" && pointer == "/details/reason") {
        sqlite::Query(connection,
                      "UPDATE holds SET reason = NULL WHERE hold_id = "
                      "(SELECT json_extract(line, '$.details.hold_id') FROM audit_entries WHERE seq = ?)",
                      seq)
            .run();
    }
}

// Columns that are the only place of a text.
void empty_row(sqlite::Connection& connection, const LineView& line, const std::string& pointer, const Timestamp& now) {
    if (pointer == "/details/metadata") {
        sqlite::Query(connection,
                      "UPDATE artifacts SET metadata = NULL, metadata_salt = NULL, updated_at = ? WHERE artifact_id = ?",
                      now.str(), line.artifact_id)
            .run();
    } else if (pointer == "/details/file_name") {
        sqlite::Query(connection,
                      "UPDATE artifacts SET file_name = NULL, file_name_salt = NULL, updated_at = ? WHERE artifact_id = ?",
                      now.str(), line.artifact_id)
            .run();
    } else if (pointer == "/details/configuration") {
        sqlite::Query(connection, "UPDATE runs SET configuration = NULL, configuration_salt = NULL WHERE run_id = ?", line.run_id)
            .run();
    }
}

// Entries that have the same text: in their openings, or in the rows that keep texts alone. Metadata without a member is no text.
void find_copies(sqlite::Connection& connection, std::int64_t seq, const std::string& text, std::set<std::int64_t>& copies) {
    if (text == "{}") return;
    sqlite::Query query(connection,
                        "SELECT seq FROM audit_openings WHERE text = ?1 AND seq <> ?2 UNION "
                        "SELECT e.seq FROM artifacts AS a JOIN audit_entries AS e ON e.artifact_id = a.artifact_id "
                        "AND e.operation = 'artifact_creation' AND e.action = 'create' AND e.outcome = 'done' "
                        "WHERE (a.metadata = ?1 OR a.file_name = ?1) AND e.seq <> ?2 UNION "
                        "SELECT e.seq FROM runs AS r JOIN audit_entries AS e ON e.run_id = r.run_id "
                        "AND e.operation = 'processing_run' AND e.action = 'start' AND e.outcome = 'done' "
                        "WHERE r.configuration = ?1 AND e.seq <> ?2",
                        text, seq);
    while (query.step()) copies.insert(query.integer(0));
}

LineView view_of(const StoredEntry& entry) {
    auto view = read_line(entry.line);
    if (!view) throw Corruption("audit entry " + std::to_string(entry.seq) + " is damaged; run custody audit verify");
    return std::move(*view);
}

}  // namespace

Withdrawable look_for_texts(sqlite::Connection& connection, std::int64_t seq) {
    if (seq < 1 || seq > last_seq(connection)) throw NotFound("the trail has no entry " + std::to_string(seq));
    const auto entry = entry_at(connection, seq);
    const auto view = view_of(entry);
    Withdrawable texts{{}, {}, std::string(view.operation), std::string(view.artifact_id), std::string(view.run_id)};
    const auto found = TextReader(connection, seq).take(seq, entry.line);
    for (const auto& place : view.texts) {
        if (!place.is_commitment()) continue;
        texts.committed.emplace_back(place.pointer);
        const bool open =
            std::any_of(found.begin(), found.end(), [&](const auto& text) { return text.pointer == place.pointer; });
        if (open) texts.open.emplace_back(place.pointer);
    }
    return texts;
}

std::vector<std::int64_t> withdraw_texts(sqlite::Connection& connection, std::int64_t seq,
                                         const std::vector<std::string>& pointers, const Timestamp& now) {
    const auto entry = entry_at(connection, seq);
    const auto view = view_of(entry);
    const auto found = TextReader(connection, seq).take(seq, entry.line);
    std::set<std::int64_t> copies;
    for (const auto& pointer : pointers) {
        const auto text = std::find_if(found.begin(), found.end(), [&](const auto& each) { return each.pointer == pointer; });
        if (text == found.end()) continue;
        if (text->kept_in_row) {
            empty_row(connection, view, pointer, now);
        } else {
            sqlite::Query(connection, "DELETE FROM audit_openings WHERE seq = ? AND pointer = ?", seq, pointer).run();
            empty_copy(connection, seq, view, pointer, now);
        }
        find_copies(connection, seq, text->text.text, copies);
    }
    return {copies.begin(), copies.end()};
}

}  // namespace custody::audit
