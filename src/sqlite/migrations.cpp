#include "sqlite/migrations.hpp"

#include <algorithm>
#include <custody/error.hpp>
#include <custody/time.hpp>
#include <map>
#include <string_view>
#include <tuple>
#include <vector>

#include "sqlite/connection.hpp"
#include "sqlite/pragma.hpp"
#include "sqlite/schema_text.hpp"

namespace custody::sqlite {

namespace {

using Name = std::pair<std::string, std::string>;                     // type, name
using Objects = std::map<Name, std::pair<std::string, std::string>>;  // tbl_name, sql

// What ANALYZE and AUTOINCREMENT leave, as in schema_query.
bool is_of_no_schema(std::string_view name) { return name.starts_with("sqlite_stat") || name == "sqlite_sequence"; }

Objects stored_objects(Connection& connection) {
    Objects objects;
    Query query(connection, schema_query);
    while (query.step()) objects[{query.text(0), query.text(1)}] = {query.text(2), query.text(3)};
    return objects;
}

/// An object of an embedded schema. They are sorted by type and name.
struct EmbeddedObject {
    std::string_view type, name, table, sql;
};

std::string_view cut(std::string_view& text, char end) {
    const auto size = text.find(end);
    const auto field = text.substr(0, size);
    text.remove_prefix(size + 1);
    return field;
}

std::vector<EmbeddedObject> objects_of(std::string_view schema) {
    std::vector<EmbeddedObject> objects;
    while (!schema.empty()) {
        auto& object = objects.emplace_back();
        for (auto* field : {&object.type, &object.name, &object.table}) *field = cut(schema, schema_field_end);
        object.sql = cut(schema, schema_row_end);
    }
    return objects;
}

Objects embedded_objects(const char* schema) {
    Objects objects;
    for (const auto& [type, name, table, sql] : objects_of(schema))
        objects.emplace(Name(type, name), std::pair(std::string(table), std::string(sql)));
    return objects;
}

// Whether it is the embedded one to the byte, as nearly every opening finds it: one walk through the table, in its own order.
bool is_as_embedded(Connection& connection, const char* schema) {
    const auto expected = objects_of(schema);
    std::vector<bool> is_there(expected.size(), false);
    std::size_t count = 0;
    Query query(connection, "SELECT type, name, tbl_name, sql FROM sqlite_schema");
    while (query.step()) {
        for (const int column : {0, 1, 2, 3}) {
            if (!query.is_text(column) && (column != 3 || !query.is_null(column))) return false;
        }
        const auto type = query.view(0);
        const auto name = query.view(1);
        const auto at =
            std::lower_bound(expected.begin(), expected.end(), std::tie(type, name),
                             [](const auto& object, const auto& key) { return std::tie(object.type, object.name) < key; });
        if (at == expected.end() || at->type != type || at->name != name) {
            if (is_of_no_schema(name)) continue;
            return false;
        }
        const auto number = static_cast<std::size_t>(at - expected.begin());
        if (is_there[number] || at->table != query.view(2) || at->sql != query.view(3)) return false;
        is_there[number] = true;
        ++count;
    }
    return count == expected.size();
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
    if (is_as_embedded(connection, schema)) return differences;
    Query no_text(connection, no_text_query);
    while (no_text.step()) differences.push_back("altered " + no_text.text(0) + " " + no_text.text(1));
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
