// What the store is, its types, migrations, clock, seals and counters against the trail.

#include <algorithm>

#include "audit/row_check.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/migrations.hpp"
#include "sqlite/schema_state.hpp"

namespace custody::audit {

namespace {

using Text = std::optional<std::string>;

Text as_text(const json& value) {
    if (value.is_null()) return std::nullopt;
    if (value.is_boolean()) return value.get<bool>() ? "1" : "0";
    return value.is_string() ? value.get<std::string>() : value.dump();
}

void check_store(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    static constexpr const char* columns[] = {"store_id",     "epoch",     "created_at", "payload_root",
                                              "group_access", "phi_guard", "min_reader", "min_writer"};
    RowDifference difference(complain, "store");
    sqlite::Query row(connection,
                      "SELECT store_id, epoch, created_at, payload_root, group_access, phi_guard, min_reader, min_writer "
                      "FROM store WHERE store_key = 1");
    if (!row.step()) return difference.missing("the catalog doesn't say which store it is");
    for (int i = 0; i < 8; ++i) {
        const auto fact = replay.store.find(columns[i]);
        difference.expect(columns[i], row.optional_text(i), fact == replay.store.end() ? std::nullopt : as_text(fact->second));
    }
}

// Tables that have one row, whose key is 1.
void check_single_rows(sqlite::Connection& connection, const RowComplaint& complain) {
    sqlite::Query others(connection,
                         "SELECT 'store' FROM store WHERE store_key <> 1 UNION ALL "
                         "SELECT 'audit_clock' FROM audit_clock WHERE clock_key <> 1 UNION ALL "
                         "SELECT 'audit_tree' FROM audit_tree WHERE tree_key <> 1 ORDER BY 1");
    while (others.step()) RowDifference(complain, others.text(0)).unknown("the table has one row, and this is another");
}

void check_types(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    // What the migrations bring along.
    std::map<std::string, std::pair<std::string, bool>> expected = {{"audio_deid", {"deidentified", true}},
                                                                    {"audio_phi_intervals", {"identified", true}},
                                                                    {"audio_raw", {"identified", true}},
                                                                    {"audio_transcript", {"identified", true}},
                                                                    {"log", {"neutral", true}},
                                                                    {"metadata", {"neutral", true}},
                                                                    {"text_deid", {"deidentified", true}},
                                                                    {"text_raw", {"identified", true}},
                                                                    {"video_deid", {"deidentified", true}},
                                                                    {"video_keypoints", {"identified", true}},
                                                                    {"video_raw", {"identified", true}}};
    for (const auto& [type, sensitivity] : replay.types) expected.try_emplace(type, sensitivity, false);
    sqlite::Query rows(connection, "SELECT artifact_type, sensitivity, built_in FROM artifact_types ORDER BY artifact_type");
    while (rows.step()) {
        RowDifference difference(complain, "artifact type " + rows.text(0));
        const auto fact = expected.find(rows.text(0));
        if (fact == expected.end()) {
            difference.unknown("no entry says that it was registered");
            continue;
        }
        difference.expect("sensitivity", rows.optional_text(1), fact->second.first);
        difference.expect("built_in", rows.optional_text(2), fact->second.second ? "1" : "0");
        expected.erase(fact);
    }
    for (const auto& [type, facts] : expected) {
        RowDifference(complain, "artifact type " + type).missing("it was registered or is built in, and its row is not there");
    }
}

void check_policies(sqlite::Connection& connection, int schema_version, const Replay& replay, const RowComplaint& complain) {
    constexpr int version_with_policies = 5;
    if (schema_version < version_with_policies) return;
    auto missing = replay.policies;
    const auto name = [](const std::string& type) { return "retention policy of " + type; };
    sqlite::Query rows(connection,
                       "SELECT artifact_type, days, when_descendants_completed, seq FROM retention_policies "
                       "ORDER BY artifact_type");
    while (rows.step()) {
        RowDifference difference(complain, name(rows.text(0)));
        const auto fact = missing.find(rows.text(0));
        if (fact == missing.end()) {
            difference.unknown("no entry says that it was set");
            continue;
        }
        difference.expect("days", rows.optional_text(1), std::to_string(fact->second.days));
        difference.expect("when_descendants_completed", rows.optional_text(2),
                          fact->second.when_descendants_completed ? "1" : "0");
        difference.expect("seq", rows.optional_text(3), std::to_string(fact->second.seq));
        missing.erase(fact);
    }
    for (const auto& [type, facts] : missing) {
        RowDifference(complain, name(type)).missing("an entry says that it was set, and its row is not there");
    }
}

void check_migrations(sqlite::Connection& connection, int schema_version, const Replay& replay, const RowComplaint& complain) {
    const auto known = sqlite::migrations();
    const auto count = std::min(static_cast<std::size_t>(schema_version), known.size());
    std::size_t next = 0;
    const auto name = [](std::int64_t number) { return "migration " + std::to_string(number); };
    sqlite::Query rows(connection, "SELECT version, name, sha256, applied_at FROM schema_migrations ORDER BY version");
    for (; rows.step(); ++next) {
        RowDifference difference(complain, name(rows.integer(0)));
        if (next >= count || rows.integer(0) != known[next].version) {
            difference.unknown("it is not the one that comes next");
            continue;
        }
        difference.expect("name", rows.optional_text(1), known[next].name);
        difference.expect("sha256", rows.optional_text(2), known[next].sha256);
        const auto time = replay.applied_at.find(rows.text(0));
        difference.expect("applied_at", rows.optional_text(3), time == replay.applied_at.end() ? Text() : Text(time->second));
    }
    for (; next < count; ++next) {
        RowDifference(complain, name(known[next].version)).missing("the schema has it, and its row is not there");
    }
}

void check_clock(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    RowDifference difference(complain, "audit_clock");
    sqlite::Query row(connection, "SELECT boot_id, boottime_ms, seen_at FROM audit_clock WHERE clock_key = 1");
    if (!row.step()) {
        if (replay.boot) difference.missing("the trail tells what the clocks said, and the row is not there");
        return;
    }
    if (!replay.boot) return difference.unknown("no entry tells what the clocks said");
    int column = 0;
    for (const char* name : {"boot_id", "boottime_ms", "seen_at"}) {
        difference.expect(name, row.optional_text(column++), as_text(replay.boot->value(name, json(nullptr))));
    }
}

void check_seals(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    auto missing = replay.seals;
    sqlite::Query rows(connection, "SELECT size, public_key FROM audit_checkpoints ORDER BY size, epoch, public_key");
    while (rows.step()) missing.erase({rows.integer(0), rows.text(1)});
    for (const auto& [size, key] : missing) {
        RowDifference(complain, "checkpoint of " + std::to_string(size) + " entries")
            .missing("an entry says that it was signed, and it is not there");
    }
}

// A counter of nothing that counts what never was: no sum tells of it.
void check_counters(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    sqlite::Query artifacts(connection, "SELECT artifact_type, status FROM artifact_counts ORDER BY artifact_type, status");
    while (artifacts.step()) {
        const auto type = artifacts.text(0);
        const auto status = artifacts.text(1);
        if (!replay.counted.contains({type, status})) {
            std::string message = "artifact_counts counts ";
            message.append(type).append("/").append(status).append(", which never occurred");
            complain("counter_drift", "counters", message);
        }
    }
    sqlite::Query payloads(connection, "SELECT state FROM payload_counts ORDER BY state");
    while (payloads.step()) {
        const auto state = payloads.text(0);
        if (state != "present" && state != "removed") {
            complain("counter_drift", "counters", "payload_counts counts payloads that are " + state);
        }
    }
}

}  // namespace

void check_store_rows(sqlite::Connection& connection, const Replay& replay, const RowComplaint& complain) {
    check_store(connection, replay, complain);
    check_single_rows(connection, complain);
    check_types(connection, replay, complain);
    const int schema_version = sqlite::schema_state(connection).version;
    check_policies(connection, schema_version, replay, complain);
    check_migrations(connection, schema_version, replay, complain);
    check_clock(connection, replay, complain);
    check_seals(connection, replay, complain);
    check_counters(connection, replay, complain);
}

}  // namespace custody::audit
