#pragma once

#include <custody/maintenance.hpp>
#include <custody/time.hpp>
#include <optional>
#include <string>
#include <vector>

namespace custody::sqlite {
class Connection;
}

namespace custody::catalog {

/// What a store is.
struct StoreRow {
    std::string store_id;
    std::string epoch;
    Timestamp created_at;
    std::optional<std::string> payload_root;
    bool group_access;
    bool phi_guard;
};

void insert_store(sqlite::Connection& connection, const StoreRow& store);
StoreRow load_store(sqlite::Connection& connection);
/// What a restore changes of it.
void begin_epoch(sqlite::Connection& connection, const std::string& epoch, const std::optional<std::string>& payload_root);

/// What an entry must say, beyond StoreRow, so that the tables store and schema_migrations can be told from the trail.
struct SchemaFacts {
    std::int64_t min_reader;
    std::int64_t min_writer;
    std::map<std::string, std::string> applied_at;  ///< of each migration, by its number
};
SchemaFacts load_schema_facts(sqlite::Connection& connection);

/// From the counters; `with_audit`: errors too.
Statistics load_statistics(sqlite::Connection& connection, bool with_audit);

/// What SQLite's own check of the file says, first lines; "ok" alone where it is sound.
std::vector<std::string> integrity_check(sqlite::Connection& connection);
/// Rows that refer to rows that are not there.
std::vector<std::string> foreign_key_check(sqlite::Connection& connection);

/// Leaves free text out of a copy of the catalog (a snapshot for people who may not see it).
void erase_texts(sqlite::Connection& connection);

}  // namespace custody::catalog
