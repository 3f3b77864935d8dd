// A schema that was altered, put back: what is foreign goes, what guards, shows or indexes the tables comes back.

#include <algorithm>
#include <custody/error.hpp>

#include "sqlite/database.hpp"
#include "sqlite/migrations.hpp"
#include "sqlite/schema_state.hpp"

namespace custody::sqlite {

namespace {

std::string quoted(const std::string& name) {
    std::string text = "\"";
    for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    return text + '"';
}

// "missing view x": a kind of difference, a type and a name.
struct Difference {
    explicit Difference(const std::string& text) {
        const auto first = text.find(' ');
        const auto second = text.find(' ', first + 1);
        kind = text.substr(0, first);
        type = text.substr(first + 1, second - first - 1);
        name = text.substr(second + 1);
    }
    std::string kind, type, name;
};

std::vector<Difference> differences_of(Connection& connection, int version) {
    std::vector<Difference> all;
    for (const auto& text : schema_differences(connection, version)) all.emplace_back(text);
    return all;
}

// Such a table goes with its rows, and nobody else has them.
bool has_foreign_table(Connection& connection, int version) {
    const auto all = differences_of(connection, version);
    return std::any_of(all.begin(), all.end(),
                       [](const Difference& each) { return each.type == "table" && each.kind == "foreign"; });
}

// Dropping a table takes its indexes and triggers along, so each step looks anew.
bool drop_one(Connection& connection, int version) {
    for (const auto* type : {"trigger", "view", "index", "table"}) {
        for (const auto& difference : differences_of(connection, version)) {
            if (difference.type != type || difference.kind == "missing") continue;
            if (difference.kind == "altered" && difference.type == "table") {
                throw Corruption("table " + difference.name + " was altered: that can't be repaired; restore a backup");
            }
            if (difference.name.starts_with("sqlite_")) continue;  // goes with its table
            std::string upper = difference.type;
            std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
            connection.execute(("DROP " + upper + ' ' + quoted(difference.name)).c_str());
            return true;
        }
    }
    return false;
}

void make_missing(Connection& connection, int version) {
    for (const auto* type : {"table", "index", "view", "trigger"}) {
        for (const auto& difference : differences_of(connection, version)) {
            if (difference.type != type || difference.kind != "missing") continue;
            if (difference.type == "table") {
                throw Corruption("table " + difference.name + " is missing: that can't be repaired; restore a backup");
            }
            connection.execute(schema_sql(version, difference.type, difference.name).c_str());
        }
    }
}

}  // namespace

void Database::repair_schema(const std::function<void(Connection&)>& body) {
    require_same_process();
    if (read_access_ != Access::read_write) throw IoError("the catalog can't be written: its schema can't be repaired", EROFS);
    if (version_ != newest_version()) throw VersionMismatch("a schema is repaired after it was upgraded (custody migrate)");
    auto writer = open(Access::read_write);
    writer->set_busy_timeout(options_.lock_timeout);
    writer->execute("BEGIN IMMEDIATE");
    try {
        if (has_foreign_table(*writer, version_)) keep_copy();
        while (drop_one(*writer, version_)) {
        }
        make_missing(*writer, version_);
        writer->execute(("PRAGMA user_version = " + std::to_string(version_)).c_str());
        const auto left = schema_state(*writer).differences;
        if (!left.empty()) throw Corruption("the schema can't be repaired: " + left.front());
        body(*writer);
        writer->write_deferred();
        Query count(*writer, "PRAGMA schema_version");
        count.step();
        checked_schema_ = static_cast<int>(count.integer(0));
    } catch (...) {
        if (!writer->in_autocommit()) writer->execute("ROLLBACK");
        throw;
    }
    writer->execute("COMMIT");
    differences_.clear();
    {
        const std::lock_guard lock(readers_mutex_);
        readers_.clear();  // they know the schema as it was
    }
    if (!writable_) become_writable(std::move(writer));
}

}  // namespace custody::sqlite
