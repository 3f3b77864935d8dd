#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace custody::bench {

/// SQLite without the library around it: what the figures are compared with. It is the same SQLite that the library uses, so
/// that a store may be open in both.
class RawSqlite {
   public:
    enum class Open { read_only, make };
    /// `make` gives a WAL database that is durable with each commit.
    RawSqlite(const std::filesystem::path& file, Open open);
    RawSqlite(const RawSqlite&) = delete;
    RawSqlite& operator=(const RawSqlite&) = delete;
    ~RawSqlite();

    /// A prepared statement, kept for as long as it is to be used.
    class Statement {
       public:
        Statement(sqlite3* database, const std::string& sql);
        Statement(Statement&& other) noexcept;
        Statement& operator=(Statement&&) = delete;
        ~Statement();
        Statement& bind(int index, std::string_view value);
        Statement& bind(int index, std::int64_t value);
        bool step();
        void reset();
        [[nodiscard]] std::int64_t integer(int column) const;
        [[nodiscard]] std::string_view view(int column) const;  ///< until the next step
        [[nodiscard]] std::string text(int column) const { return std::string(view(column)); }
        [[nodiscard]] int columns() const;
        /// Steps through what is left, reading each cell as text; answers how many bytes they had.
        std::uint64_t drain();

       private:
        sqlite3_stmt* statement_;
    };
    [[nodiscard]] Statement prepare(const std::string& sql) { return {database_, sql}; }
    void execute(const std::string& sql);

   private:
    sqlite3* database_ = nullptr;
};

/// The rows that a create of metadata alone writes, in tables without triggers, tree or further indexes: an artifact, its
/// link, its entry.
class BareRows {
   public:
    explicit BareRows(const std::filesystem::path& file);
    /// So many creates in one transaction.
    void create(std::size_t count);
    /// The waits of BEGIN IMMEDIATE included.
    void set_busy_timeout_ms(int milliseconds);

   private:
    RawSqlite database_;
    RawSqlite::Statement begin_, commit_, artifact_, edge_, entry_;
    std::string metadata_, line_;
};

}  // namespace custody::bench
