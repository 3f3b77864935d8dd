#pragma once

#include <functional>
#include <string_view>

#include "audit/proof_forms.hpp"
#include "audit/sealing.hpp"
#include "audit/table.hpp"

namespace custody::audit {

/// audit_YYYYMM.jsonl, audit_YYYYMM.proof.json
std::string lines_file_name(const std::string& month);
std::string proof_file_name(const std::string& month);

using Append = std::function<void(std::string_view)>;

/// Appends the exported lines first_seq to last_seq, each with its line feed; tells how many it has written now and then.
void append_lines(sqlite::Connection& connection, std::int64_t first_seq, std::int64_t last_seq, const Append& append,
                  const std::function<void(std::uint64_t)>& progress);

/// The proof of a month, with the notes that are stored for its start and end.
MonthProof prove_month(sqlite::Connection& connection, const TrailName& trail, const Month& month);

/// The proof of one entry against the head of that size.
EntryProof prove_entry(sqlite::Connection& connection, std::int64_t seq, std::uint64_t size,
                       const std::optional<std::string>& note);

/// Whether a text of one of these entries was withdrawn.
bool any_withdrawn(sqlite::Connection& connection, std::int64_t first_seq, std::int64_t last_seq);

}  // namespace custody::audit
