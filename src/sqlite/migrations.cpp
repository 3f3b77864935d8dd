#include "sqlite/migrations.hpp"

#include <custody/error.hpp>
#include <custody/time.hpp>
#include <map>
#include <string_view>
#include <tuple>

#include "sqlite/connection.hpp"
#include "sqlite/pragma.hpp"
#include "sqlite/schema_text.hpp"

namespace custody::sqlite {

namespace {

using Name = std::pair<std::string, std::string>;                     // type, name
using Objects = std::map<Name, std::pair<std::string, std::string>>;  // tbl_name, sql

Objects stored_objects(Connection& connection) {
    Objects objects;
    Query query(connection, schema_query);
    while (query.step()) objects[{query.text(0), query.text(1)}] = {query.text(2), query.text(3)};
    return objects;
}

Objects embedded_objects(const char* schema) {
    Objects objects;
    std::string fields[4];
    int field = 0;
    for (const char* c = schema; *c != '\0'; ++c) {
        if (*c == schema_field_end) {
            ++field;
        } else if (*c == schema_row_end) {
            objects[{fields[0], fields[1]}] = {fields[2], fields[3]};
            for (auto& text : fields) text.clear();
            field = 0;
        } else {
            fields[field] += *c;
        }
    }
    return objects;
}

// Whether it is the embedded one to the byte, as nearly every opening finds it: without a look at each object by its name.
bool is_as_embedded(Connection& connection, std::string_view schema) {
    Query query(connection, schema_query);
    while (query.step()) {
        for (int column = 0; column < 4; ++column) {
            const auto text = query.view(column);
            const char end = column < 3 ? schema_field_end : schema_row_end;
            if (!schema.starts_with(text) || !schema.substr(text.size()).starts_with(end)) return false;
            schema.remove_prefix(text.size() + 1);
        }
    }
    return schema.empty();
}

// The same bytes as a blob are no text: some clients would show them otherwise.
constexpr const char* no_text_query =
    "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' AND name <> 'sqlite_sequence' AND (typeof(type) <> "
    "'text' OR typeof(name) <> "
    "'text' "
    "OR typeof(tbl_name) <> 'text' OR typeof(sql) NOT IN ('text', 'null')) ORDER BY type, name";

void record(Connection& connection, const Migration& migration) {
    Query(connection, "INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES (?, ?, ?, ?)", migration.version,
          migration.name, migration.sha256, Timestamp::now().str())
        .run();
}

}  // namespace

int migrate(Connection& connection, const MigrationStep& step, const std::function<void()>& prepare) {
    int applied = 0;
    for (const auto& migration : migrations()) {
        connection.execute("BEGIN IMMEDIATE");
        try {
            if (pragma(connection, "PRAGMA user_version") >= migration.version) {
                connection.execute("ROLLBACK");
                continue;
            }
            if (applied == 0 && prepare) prepare();
            connection.execute(migration.sql);
            connection.clear_statements();  // they are of the schema before: see Connection::use_schema
            record(connection, migration);  // first: the step's entry tells of it
            if (step) step(connection, migration.version);
            connection.execute(("PRAGMA user_version = " + std::to_string(migration.version)).c_str());
            connection.execute("COMMIT");
        } catch (...) {
            if (!connection.in_autocommit()) connection.execute("ROLLBACK");
            throw;
        }
        ++applied;
    }
    return applied;
}

std::vector<std::string> schema_differences(Connection& connection, int version) {
    const char* const schema = migrations()[static_cast<std::size_t>(version - 1)].schema;
    std::vector<std::string> differences;
    Query no_text(connection, no_text_query);
    while (no_text.step()) differences.push_back("altered " + no_text.text(0) + " " + no_text.text(1));
    if (differences.empty() && is_as_embedded(connection, schema)) return differences;
    const auto stored = stored_objects(connection);
    const auto expected = embedded_objects(schema);
    for (const auto& [name, definition] : expected) {
        const auto found = stored.find(name);
        if (found == stored.end()) {
            differences.push_back("missing " + name.first + " " + name.second);
        } else if (found->second != definition) {
            differences.push_back("altered " + name.first + " " + name.second);
        }
    }
    for (const auto& [name, definition] : stored) {
        if (!expected.contains(name)) differences.push_back("foreign " + name.first + " " + name.second);
    }
    return differences;
}

std::string schema_sql(int version, const std::string& type, const std::string& name) {
    return embedded_objects(migrations()[static_cast<std::size_t>(version - 1)].schema).at({type, name}).second;
}

}  // namespace custody::sqlite
