#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace custody::testing {

/// What every table says, and the schema; empty where SQLite can't say it all.
inline std::string content_of(sqlite3* handle) {
    std::string all;
    bool whole = true;
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
    sqlite3_exec(handle, "PRAGMA trusted_schema = ON", nullptr, nullptr, nullptr);
    (void)read("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2");
    for (const auto& table : read("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")) {
        // NOT INDEXED: what the table itself says, whatever an index of it would.
        (void)read("SELECT * FROM \"" + table + "\" NOT INDEXED");
    }
    return whole ? all : std::string();
}

/// The same of a file as it is, without a log.
inline std::string catalog_content(const std::filesystem::path& file) {
    sqlite3* handle = nullptr;
    const auto uri = "file:" + file.string() + "?immutable=1";
    std::string all;
    if (sqlite3_open_v2(uri.c_str(), &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nullptr) == SQLITE_OK)
        all = content_of(handle);
    sqlite3_close(handle);
    return all;
}

/// A catalog in memory, in which single bytes are other ones for a while. Its schema is parsed once, which takes ten times as
/// long as all of its tables; so bytes of the schema's pages are not for it.
class CatalogImage {
   public:
    explicit CatalogImage(std::string bytes) : bytes_(std::move(bytes)) {
        bytes_[18] = bytes_[19] = 1;  // no log: there is none in memory
        const auto size = static_cast<sqlite3_int64>(bytes_.size());
        auto* const data = reinterpret_cast<unsigned char*>(bytes_.data());
        if (sqlite3_open(":memory:", &handle_) != SQLITE_OK ||
            sqlite3_deserialize(handle_, "main", data, size, size, SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
            throw std::runtime_error("SQLite takes no image");
        sqlite3_stmt* pages = nullptr;
        sqlite3_prepare_v2(handle_, "SELECT pageno, pgsize FROM dbstat WHERE name = 'sqlite_schema'", -1, &pages, nullptr);
        while (sqlite3_step(pages) == SQLITE_ROW) {
            schema_pages_.insert(sqlite3_column_int64(pages, 0));
            page_size_ = sqlite3_column_int64(pages, 1);
        }
        sqlite3_finalize(pages);
        if (!schema_pages_.contains(1)) throw std::runtime_error("SQLite doesn't tell where the schema is");
    }
    CatalogImage(const CatalogImage&) = delete;
    CatalogImage& operator=(const CatalogImage&) = delete;
    ~CatalogImage() { sqlite3_close(handle_); }

    [[nodiscard]] bool is_for(std::size_t at) const {
        return !schema_pages_.contains(static_cast<std::int64_t>(at) / page_size_ + 1);
    }
    /// What it says with another byte there.
    std::string content_with(std::size_t at, char byte) {
        std::swap(bytes_[at], byte);
        sqlite3_db_release_memory(handle_);  // every page is read anew
        auto all = content_of(handle_);
        std::swap(bytes_[at], byte);
        return all;
    }

   private:
    std::string bytes_;
    sqlite3* handle_ = nullptr;
    std::set<std::int64_t> schema_pages_;
    std::int64_t page_size_ = 0;
};

}  // namespace custody::testing
