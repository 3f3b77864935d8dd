#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <string>
#include <vector>

namespace custody::testing {

/// What every table says, and the schema; empty where SQLite can't say it all. Immutable: the file as it is, without a log.
inline std::string catalog_content(const std::filesystem::path& file) {
    sqlite3* handle = nullptr;
    const auto uri = "file:" + file.string() + "?immutable=1";
    std::string all;
    bool whole = sqlite3_open_v2(uri.c_str(), &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nullptr) == SQLITE_OK;
    const auto read = [&](const std::string& sql) {
        sqlite3_stmt* statement = nullptr;
        std::vector<std::string> first;
        if (sqlite3_prepare_v2(handle, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) whole = false;
        int code = SQLITE_ROW;
        while (whole && (code = sqlite3_step(statement)) == SQLITE_ROW) {
            for (int i = 0; i < sqlite3_column_count(statement); ++i) {
                const int type = sqlite3_column_type(statement, i);
                const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, i));
                const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, i));
                const std::string value = bytes == nullptr ? "" : std::string(bytes, size);
                all += std::to_string(type) + ':' + std::to_string(size) + ':' + value;
                if (i == 0) first.push_back(value);
            }
            all += '\n';
        }
        if (code != SQLITE_DONE) whole = false;
        sqlite3_finalize(statement);
        return first;
    };
    if (whole) {
        sqlite3_exec(handle, "PRAGMA trusted_schema = ON", nullptr, nullptr, nullptr);
        (void)read("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2");
        for (const auto& table : read("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")) {
            // NOT INDEXED: what the table itself says, whatever an index of it would.
            (void)read("SELECT * FROM \"" + table + "\" NOT INDEXED");
        }
    }
    sqlite3_close(handle);
    return whole ? all : std::string();
}

}  // namespace custody::testing
