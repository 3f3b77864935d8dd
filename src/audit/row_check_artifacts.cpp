// Artifacts, runs and holds against the trail.

#include "audit/row_check.hpp"
#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

// Columns from `first` on, in the order of their names.
Columns read_columns(const sqlite::Query& row, int first, std::initializer_list<const char*> names) {
    Columns columns;
    for (const auto* name : names) columns.emplace_back(name, row.optional_text(first++));
    return columns;
}

// The fingerprints differ: which columns do?
void tell_columns(RowDifference& difference, const Columns& row, const Columns& trail) {
    for (std::size_t i = 0; i < row.size(); ++i) difference.expect(row[i].first, row[i].second, trail[i].second);
}

std::optional<std::string> time_or_null(Microseconds time) { return time == never ? std::nullopt : std::optional(to_text(time)); }

std::optional<std::string> text_or_null(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional(std::string(text));
}

// Texts are free: that they differ is said, not what they are.
void expect_copy(RowDifference& difference, sqlite::Connection& connection, const std::optional<std::string>& row,
                 std::int64_t seq, const char* pointer, const char* column) {
    if (row != opened_text(connection, seq, pointer)) {
        difference.altered(std::string(column) + " is not the one that the trail tells of");
    }
}

// Calls `compare` for each row that the trail knows by its number, and tells of the others. `rows` has the number first, the
// subject second.
template <class Facts, class Subject, class Compare>
void side_by_side(sqlite::Query& rows, const Facts& facts, const RowComplaint& complain, Subject&& subject, Compare&& compare) {
    std::size_t next = 1;
    const auto miss_up_to = [&](std::size_t end) {
        for (; next < end; ++next) {
            RowDifference(complain, subject(facts[next - 1])).missing("the trail tells of it, and its row is not there");
        }
    };
    while (rows.step()) {
        const auto key = rows.integer(0);
        if (key < 1 || static_cast<std::uint64_t>(key) > facts.size()) {
            RowDifference(complain, rows.text(1)).unknown("no entry says that it was created");
            continue;
        }
        // A damaged table hands them out in another order than was asked for, or a number twice.
        if (static_cast<std::size_t>(key) < next) {
            RowDifference(complain, rows.text(1)).unknown("its row comes after one with the same number, or a higher one");
            continue;
        }
        miss_up_to(static_cast<std::size_t>(key));
        compare(facts[next - 1]);
        next = static_cast<std::size_t>(key) + 1;
    }
    miss_up_to(facts.size() + 1);
}

void check_hold(sqlite::Connection& connection, const sqlite::Query& row, const HoldFacts& hold, RowDifference& difference) {
    difference.expect("artifact_key", row.optional_text(1), std::to_string(hold.artifact));
    expect_copy(difference, connection, row.optional_text(2), hold.reason_seq, "/details/reason", "its reason");
    difference.expect("placed_by", row.optional_text(3), hold.placed_by);
    difference.expect("placed_at", row.optional_text(4), hold.placed_at);
    difference.expect("removed_by", row.optional_text(5), hold.removed_by);
    difference.expect("removed_at", row.optional_text(6), hold.removed_at);
}

void check_holds(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    auto next = replay.holds.begin();
    const auto name = [](std::int64_t number) { return "hold " + std::to_string(number); };
    const auto miss = [&] {
        RowDifference(complain, name(next->first)).missing("the trail tells of it, and its row is not there");
        ++next;
    };
    sqlite::Query rows(connection,
                       "SELECT hold_id, artifact_key, reason, placed_by, placed_at, removed_by, removed_at FROM holds "
                       "ORDER BY hold_id");
    while (rows.step()) {
        const auto number = rows.integer(0);
        while (next != replay.holds.end() && next->first < number) miss();
        RowDifference difference(complain, name(number));
        if (next == replay.holds.end() || next->first != number) {
            difference.unknown("no entry says that it was placed");
            continue;
        }
        check_hold(connection, rows, next->second, difference);
        ++next;
    }
    while (next != replay.holds.end()) miss();
}

}  // namespace

void check_artifact_rows(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    sqlite::Query rows(connection,
                       "SELECT artifact_key, artifact_id, artifact_type, created_at, processing_module, processing_version, "
                       "file_size, checksum, request_key, status, updated_at, removed_at, error_message, "
                       "metadata IS NOT NULL, metadata_salt IS NOT NULL, file_name IS NOT NULL, file_name_salt IS NOT NULL "
                       "FROM artifacts ORDER BY artifact_key");
    const auto compare = [&](const ArtifactFacts& artifact) {
        RowDifference difference(complain, artifact.id.str());
        const auto columns = read_columns(rows, 1,
                                          {"artifact_id", "artifact_type", "created_at", "processing_module",
                                           "processing_version", "file_size", "checksum", "request_key"});
        if (fingerprint_of(columns) != artifact.fixed) {
            const auto entry = line_at(connection, artifact.create_seq);
            if (entry.is_object()) tell_columns(difference, columns, columns_of_artifact(entry));
        }
        difference.expect("status", rows.optional_text(9), std::string(artifact.status));
        difference.expect("updated_at", rows.optional_text(10), to_text(artifact.updated_at));
        difference.expect("removed_at", rows.optional_text(11), time_or_null(artifact.removed_at));
        if (artifact.error_seq != 0 || !rows.is_null(12)) {
            expect_copy(difference, connection, rows.optional_text(12), artifact.error_seq, "/details/error_message",
                        "its error message");
        }
        expect_kept(difference, "metadata", rows.integer(13) != 0, rows.integer(14) != 0, true, artifact.metadata_withdrawn);
        expect_kept(difference, "file_name", rows.integer(15) != 0, rows.integer(16) != 0, artifact.is_named,
                    artifact.file_name_withdrawn);
    };
    side_by_side(
        rows, replay.artifacts, complain, [](const ArtifactFacts& artifact) { return artifact.id.str(); }, compare);
}

void check_run_rows(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    sqlite::Query rows(connection,
                       "SELECT run_key, run_id, started_at, user, on_behalf_of, purpose, host, boot_id, pid_namespace, pid, "
                       "pid_started_ticks, expires_at, status, ended_at, end_reason, error_message, "
                       "configuration IS NOT NULL, configuration_salt IS NOT NULL FROM runs ORDER BY run_key");
    const auto compare = [&](const RunFacts& run) {
        RowDifference difference(complain, "run " + run.id.str());
        const auto columns = read_columns(rows, 1,
                                          {"run_id", "started_at", "user", "on_behalf_of", "purpose", "host", "boot_id",
                                           "pid_namespace", "pid", "pid_started_ticks", "expires_at"});
        if (fingerprint_of(columns) != run.fixed) {
            const auto entry = line_at(connection, run.start_seq);
            if (entry.is_object()) tell_columns(difference, columns, columns_of_run(entry));
        }
        difference.expect("status", rows.optional_text(12), std::string(run.status));
        difference.expect("ended_at", rows.optional_text(13), time_or_null(run.ended_at));
        difference.expect("end_reason", rows.optional_text(14), text_or_null(run.end_reason));
        expect_copy(difference, connection, rows.optional_text(15), run.error_seq, "/details/error_message", "its error message");
        expect_kept(difference, "configuration", rows.integer(16) != 0, rows.integer(17) != 0, true, run.configuration_withdrawn);
    };
    side_by_side(
        rows, replay.runs, complain, [](const RunFacts& run) { return "run " + run.id.str(); }, compare);
    check_holds(connection, replay, complain);
}

}  // namespace custody::audit
