// Links, members of runs, and payloads against the trail.

#include "audit/row_check.hpp"
#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

template <class Key>
std::string pair_text(const Key& key) {
    return std::to_string(std::get<0>(key)) + "/" + std::to_string(std::get<1>(key));
}

// What the subject of a finding about an artifact's row is: its id, where the trail knows it.
std::string artifact_name(const Replay& replay, std::int64_t key) {
    const bool known = key >= 1 && static_cast<std::uint64_t>(key) <= replay.artifacts.size();
    return known ? replay.artifacts[static_cast<std::size_t>(key) - 1].id.str() : "artifact row " + std::to_string(key);
}

void check_links(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    using Place = std::pair<std::int64_t, std::int64_t>;
    auto next = replay.links.begin();
    const auto place = [&] { return Place(next->output, next->ordinal); };
    const auto miss = [&] {
        RowDifference(complain, artifact_name(replay, next->output))
            .missing("its link " + std::to_string(next->ordinal) + ", to " + artifact_name(replay, next->source) +
                     ", is not there");
        ++next;
    };
    sqlite::Query rows(connection,
                       "SELECT output_key, ordinal, source_key, relationship, created_at FROM lineage_edges "
                       "ORDER BY output_key, ordinal");
    while (rows.step()) {
        const Place here(rows.integer(0), rows.integer(1));
        while (next != replay.links.end() && place() < here) miss();
        RowDifference difference(complain, artifact_name(replay, here.first));
        if (next == replay.links.end() || place() != here) {
            difference.unknown("no entry tells of its link " + std::to_string(here.second));
            continue;
        }
        const auto prefix = "of its link " + std::to_string(here.second);
        difference.expect((prefix + " source_key").c_str(), rows.optional_text(2), std::to_string(next->source));
        difference.expect((prefix + " relationship").c_str(), rows.optional_text(3), std::string(next->relationship));
        difference.expect((prefix + " created_at").c_str(), rows.optional_text(4), to_text(next->created_at));
        ++next;
    }
    while (next != replay.links.end()) miss();
}

// Both are in the order of run and artifact; the table is in that of run, role and artifact, so it is asked for that order.
void check_members(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    using Place = std::pair<std::int64_t, std::int64_t>;
    auto next = replay.members.begin();
    const auto place = [&] { return Place(next->run, next->artifact); };
    const auto name = [&](const Place& at) { return "member " + pair_text(at) + " of run_artifacts"; };
    const auto miss = [&] {
        RowDifference(complain, name(place()))
            .missing(artifact_name(replay, next->artifact) + " is not there as the run's " +
                     (next->is_output ? "output" : "input"));
        ++next;
    };
    sqlite::Query rows(connection, "SELECT run_key, artifact_key, role FROM run_artifacts ORDER BY run_key, artifact_key, role");
    while (rows.step()) {
        const Place here(rows.integer(0), rows.integer(1));
        while (next != replay.members.end() && place() < here) miss();
        RowDifference difference(complain, name(here));
        if (next == replay.members.end() || place() != here) {
            difference.unknown("no entry says that the run made or used it");
            continue;
        }
        difference.expect("role", rows.optional_text(2), next->is_output ? "output" : "input");
        ++next;
    }
    while (next != replay.members.end()) miss();
}

void check_payload(const sqlite::Query& row, const Replay& replay, const Digest& digest, const PayloadFacts& facts,
                   RowDifference& difference) {
    difference.expect("size_bytes", row.optional_text(1), std::to_string(facts.size_bytes));
    difference.expect("state", row.optional_text(2), facts.is_present ? "present" : "removed");
    if (!facts.is_present) difference.expect("mtime_ns", row.optional_text(4), "0");  // there is no file that has a time
    bool verified = false;
    try {
        verified = replay.was_verified(digest, row.text(3));
    } catch (const std::exception&) {
        // It is no time at all.
    }
    if (!verified) difference.altered("verified_at is \"" + row.text(3) + "\", and no entry says that it was found good then");
}

void check_payload_rows(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    std::size_t found = 0;
    sqlite::Query rows(connection, "SELECT digest, size_bytes, state, verified_at, mtime_ns FROM payloads ORDER BY digest");
    while (rows.step()) {
        RowDifference difference(complain, rows.text(0));
        try {
            const auto digest = Digest::parse(rows.view(0));
            const auto facts = replay.payloads.find(digest);
            if (facts != replay.payloads.end()) {
                ++found;
                check_payload(rows, replay, digest, facts->second, difference);
                continue;
            }
        } catch (const std::exception&) {
            // It is no digest at all.
        }
        difference.unknown("no entry tells of this payload");
    }
    if (found == replay.payloads.size()) return;
    for (const auto& [digest, facts] : replay.payloads) {
        sqlite::Query row(connection, "SELECT 1 FROM payloads WHERE digest = ?", digest.hex());
        if (!row.step())
            RowDifference(complain, digest.hex()).missing("the trail tells of this payload, and its row is not there");
    }
}

}  // namespace

void check_relation_rows(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    check_links(connection, replay, complain);
    check_members(connection, replay, complain);
    check_payload_rows(connection, replay, complain);
}

}  // namespace custody::audit
