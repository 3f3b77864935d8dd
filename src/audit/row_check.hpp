#pragma once

#include <functional>
#include <string>

#include "audit/replay.hpp"

namespace custody::sqlite {
class Connection;
}

namespace custody::audit {

/// Called with the kind of a finding (row_altered, row_missing, row_unknown, counter_drift, trail_contradiction), what it is
/// about, and what is wrong there.
using RowComplaint = std::function<void(const std::string& kind, const std::string& subject, const std::string& message)>;

/// Compares every row of the catalog, column by column, with what the trail says it became, and what the trail says there is with
/// the rows that there are. Texts that the rows keep alone are compared with their commitments by check_trail, which sees the
/// entries; here it is whether they may be gone. payloads.mtime_ns is a fact of the file and is compared with that, elsewhere.
void check_rows(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain);

// Its parts.
void check_artifact_rows(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain);
void check_run_rows(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain);
void check_relation_rows(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain);
void check_store_rows(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain);

/// Compares the columns of one row, and says how they differ.
class RowDifference {
   public:
    RowDifference(const RowComplaint& complain, std::string subject) : complain_(complain), subject_(std::move(subject)) {}
    /// A column that may be shown.
    void expect(const char* column, const std::optional<std::string>& row, const std::optional<std::string>& trail);
    void altered(const std::string& message) { complain_("row_altered", subject_, message); }
    void missing(const std::string& message) { complain_("row_missing", subject_, message); }
    void unknown(const std::string& message) { complain_("row_unknown", subject_, message); }

   private:
    const RowComplaint& complain_;
    std::string subject_;
};

/// What the entry's opening has for a column that keeps a copy of it: nullopt where there is no such entry (seq 0), or the text
/// was withdrawn.
std::optional<std::string> opened_text(sqlite::Connection& connection, std::int64_t seq, const char* pointer);
/// Whether a text that only its row keeps is there with its salt, or gone with it, as it must be.
void expect_kept(RowDifference& row, const char* column, bool has_text, bool has_salt, bool was_given, bool was_withdrawn);
/// The line of an entry, read. Null where it is damaged.
json line_at(sqlite::Connection& connection, std::int64_t seq);

}  // namespace custody::audit
