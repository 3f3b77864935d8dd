#include "catalog/store.hpp"

#include <custody/error.hpp>

#include "sqlite/connection.hpp"

namespace custody::catalog {

void insert_store(sqlite::Connection& connection, const StoreRow& store) {
    sqlite::Query(connection,
                  "INSERT INTO store (store_key, store_id, epoch, created_at, payload_root, group_access, phi_guard, min_reader, "
                  "min_writer) VALUES (1, ?, ?, ?, ?, ?, ?, 4, 5)",
                  store.store_id, store.epoch, store.created_at.str(), store.payload_root, store.group_access ? 1 : 0,
                  store.phi_guard ? "reject" : "off")
        .run();
}

StoreRow load_store(sqlite::Connection& connection) {
    sqlite::Query query(connection, "SELECT store_id, epoch, created_at, payload_root, group_access, phi_guard FROM store");
    if (!query.step()) throw Corruption("the catalog does not say which store it is (table store is empty)");
    try {
        return {query.text(0),          query.text(1),         Timestamp::parse(query.view(2)),
                query.optional_text(3), query.integer(4) != 0, query.view(5) == "reject"};
    } catch (const InvalidArgument& error) {
        throw Corruption(std::string("the catalog's row about the store itself (table store) was altered: ") + error.what());
    }
}

void begin_epoch(sqlite::Connection& connection, const std::string& epoch, const std::optional<std::string>& payload_root) {
    sqlite::Query(connection, "UPDATE store SET epoch = ?, payload_root = ?", epoch, payload_root).run();
}

SchemaFacts load_schema_facts(sqlite::Connection& connection) {
    SchemaFacts facts{};
    sqlite::Query store(connection, "SELECT min_reader, min_writer FROM store");
    if (store.step()) facts = {store.integer(0), store.integer(1), {}};
    sqlite::Query rows(connection, "SELECT version, applied_at FROM schema_migrations ORDER BY version");
    while (rows.step()) facts.applied_at.emplace(rows.text(0), rows.text(1));
    return facts;
}

Statistics load_statistics(sqlite::Connection& connection, bool with_audit) {
    Statistics statistics;
    {
        sqlite::Query types(connection, "SELECT artifact_type FROM artifact_types ORDER BY artifact_type");
        while (types.step()) statistics.artifact_counts[types.text(0)] = 0;
    }
    sqlite::Query counts(connection,
                         "SELECT artifact_type, status, artifact_count FROM artifact_counts WHERE artifact_count > 0 "
                         "ORDER BY artifact_type, status");
    while (counts.step()) {
        const auto count = static_cast<std::uint64_t>(counts.integer(2));
        statistics.artifact_counts[counts.text(0)] += count;
        statistics.by_type[counts.text(0)] += count;
        statistics.by_status[counts.text(1)] += count;
        statistics.total_artifacts += count;
    }
    sqlite::Query payloads(connection, "SELECT payload_count, size_bytes FROM payload_counts WHERE state = 'present'");
    if (payloads.step()) {
        statistics.total_payloads = static_cast<std::uint64_t>(payloads.integer(0));
        statistics.total_size_bytes = static_cast<std::uint64_t>(payloads.integer(1));
    }
    sqlite::Query runs(connection, "SELECT status, count(*) FROM runs GROUP BY status ORDER BY status");
    while (runs.step()) statistics.runs_by_status[runs.text(0)] = static_cast<std::uint64_t>(runs.integer(1));
    if (!with_audit) return statistics;
    statistics.total_errors = 0;
    sqlite::Query errors(connection,
                         "SELECT operation, count(*) FROM audit_entries WHERE success = 0 AND outcome <> 'done' "
                         "GROUP BY operation ORDER BY operation");
    while (errors.step()) {
        const auto count = static_cast<std::uint64_t>(errors.integer(1));
        statistics.errors_by_operation[errors.text(0)] = count;
        *statistics.total_errors += count;
    }
    return statistics;
}

std::vector<std::string> integrity_check(sqlite::Connection& connection) {
    std::vector<std::string> lines;
    sqlite::Query query(connection, "PRAGMA integrity_check(20)");
    while (query.step()) lines.push_back(query.text(0));
    return lines;
}

std::vector<std::string> foreign_key_check(sqlite::Connection& connection) {
    std::vector<std::string> lines;
    sqlite::Query query(connection, "PRAGMA foreign_key_check");
    while (query.step()) {
        // A table without row numbers has none to name.
        const auto row = query.is_null(1) ? "a row of " + query.text(0) : "row " + query.text(1) + " of " + query.text(0);
        lines.push_back(row + " refers to a missing row of " + query.text(2));
    }
    return lines;
}

void erase_texts(sqlite::Connection& connection) {
    connection.execute(
        "UPDATE artifacts SET metadata = NULL, metadata_salt = NULL, file_name = NULL, file_name_salt = NULL, error_message = "
        "NULL;"
        "UPDATE runs SET configuration = NULL, configuration_salt = NULL, error_message = NULL;"
        "UPDATE holds SET reason = NULL;"
        "DELETE FROM audit_openings");
}

}  // namespace custody::catalog
