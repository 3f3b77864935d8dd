#pragma once

#include <cstdint>
#include <custody/audit.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "audit/line.hpp"

namespace custody::sqlite {
class Connection;
}

namespace custody::audit {

/// A stored line and its number.
struct StoredEntry {
    std::int64_t seq;
    std::string line;
};

/// Calls `use` for every matching entry, oldest first (with a limit: the newest so many, oldest first).
void for_each_entry(sqlite::Connection& connection, const AuditQuery& query, const std::function<void(StoredEntry&&)>& use);

/// One entry. @throws Corruption where the number is missing
StoredEntry entry_at(sqlite::Connection& connection, std::int64_t seq);

/// The newest entry of a verification that was to hash every payload; null where there is none.
json last_verification(sqlite::Connection& connection);

/// Ids of artifacts whose path was handed out.
std::vector<std::string> artifacts_handed_out(sqlite::Connection& connection);

/// An entry of another system's trail that was imported.
struct ImportedEntry {
    std::int64_t seq;
    std::string entry_id;
    std::string from;                 ///< file:line[.part], below the tree
    std::optional<std::string> text;  ///< nullopt: withdrawn
    bool is_damaged;                  ///< no entry, but what is left of one
};
/// Those after `after_seq`, in order.
void for_each_imported(sqlite::Connection& connection, std::int64_t after_seq, const std::function<void(ImportedEntry&&)>& use);
/// The record from which an artifact was imported; nullopt where it was not, or the text is withdrawn.
std::optional<std::string> imported_record(sqlite::Connection& connection, const std::string& artifact_id);

/// How many entries match.
std::int64_t count_entries(sqlite::Connection& connection, const AuditQuery& query);

/// The timestamp of one entry. @throws Corruption where it is missing
Timestamp time_of(sqlite::Connection& connection, std::int64_t seq);

/// Number of the newest entry; 0 where there is none.
std::int64_t last_seq(sqlite::Connection& connection);

/// The texts of an entry that are there to be shown, by JSON pointer: openings, and what the entry's own row keeps.
std::map<std::string, Text> texts_of(sqlite::Connection& connection, std::int64_t seq, const json& line);

/// The entry with its texts back in place; keys in the original's order.
ordered_json with_texts(sqlite::Connection& connection, const StoredEntry& entry);

/// The line as it is exported: canonical JSON with the texts back in place and one key more, "openings".
std::string exported_line(sqlite::Connection& connection, const StoredEntry& entry);

/// Errors of the matching entries, summed up.
ErrorSummary summarize_errors(sqlite::Connection& connection, AuditQuery query);

/// A month "YYYY-MM" and the entries that belong to it (first > last: none).
struct Month {
    std::string name;
    std::int64_t first_seq;
    std::int64_t last_seq;
};
/// "2026-12" → "2027-01"
std::string next_month(const std::string& month);
/// Every month from the first entry's to `up_to`, empty ones included. An entry belongs to the later one of its own month and
/// the month of the entry before it, so a clock that goes back can't split a month.
std::vector<Month> months(sqlite::Connection& connection, std::int64_t to_seq, const std::string& up_to);

}  // namespace custody::audit
