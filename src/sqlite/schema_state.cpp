#include "sqlite/schema_state.hpp"

#include "sqlite/connection.hpp"
#include "sqlite/pragma.hpp"

namespace custody::sqlite {

namespace {

// The last migration that was recorded; 0 where there is no such record. The table has been the same since the first version;
// what else has its name is not read.
int recorded_version(Connection& connection) {
    Query table(connection, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations' AND sql = ?",
                schema_sql(newest_version(), "table", "schema_migrations"));
    if (!table.step()) return 0;
    Query last(connection, "SELECT max(version) FROM schema_migrations WHERE typeof(version) = 'integer'");
    return last.step() ? static_cast<int>(last.integer(0)) : 0;
}

}  // namespace

// Any client can set user_version, and a program that took its word for "newer than I" could not even say what is wrong. So where
// the schema is not that version's, the version that was recorded is asked for.
SchemaState schema_state(Connection& connection) {
    SchemaState said{pragma(connection, "PRAGMA user_version")};
    if (said.is_known()) said.differences = schema_differences(connection, said.version);
    if (said.is_known() && said.differences.empty()) return said;
    SchemaState recorded{recorded_version(connection)};
    if (recorded.version == said.version) return said;
    if (recorded.is_known()) recorded.differences = schema_differences(connection, recorded.version);
    const bool record_fits = recorded.is_known() && recorded.differences.empty();
    if (said.is_known() && !record_fits) return said;  // the record may be what was altered
    auto& state = recorded.is_known() ? recorded : said;
    state.differences.insert(state.differences.begin(), "altered user_version " + std::to_string(said.version) +
                                                            ", where the last migration is " + std::to_string(recorded.version));
    return state;
}

}  // namespace custody::sqlite
