#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sqlite/patience.hpp"

struct sqlite3;
namespace SQLite {
class Database;
class Statement;
}  // namespace SQLite

namespace custody::sqlite {

class Connection;

/// What a connection is for.
enum class Access {
    read_write,  ///< the library's own: may write, knows custody_writer()
    read_only,   ///< reads, and can't write
    immutable,   ///< a file on read-only media without a WAL to look at: no locks, no -shm
    checkpoint,  ///< moves the WAL into the file, and nothing else: it reads no schema, which takes a third of an opening
    create       ///< makes the file
};

/// What many changes of a part of a transaction add up to, and is written once, at the part's end (see Database::write).
class Deferred {
   public:
    Deferred() = default;
    Deferred(const Deferred&) = delete;
    Deferred& operator=(const Deferred&) = delete;
    virtual ~Deferred() = default;
    virtual void write(Connection& connection) = 0;  ///< and has nothing left to be written then
    virtual void forget() noexcept = 0;              ///< what was to be written: the part is taken back
};

/// One database connection with the settings that every connection of the library needs (see open_connection).
/// Not thread-safe. All failures come out as custody's exceptions.
class Connection {
   public:
    explicit Connection(std::unique_ptr<SQLite::Database> database);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// Runs one or more statements without parameters or rows.
    void execute(const char* sql);
    /// Whether no transaction is open: after an error SQLite may have rolled back by itself.
    [[nodiscard]] bool in_autocommit() const noexcept;
    [[nodiscard]] sqlite3* handle() const noexcept;
    void set_busy_timeout(std::chrono::milliseconds timeout);
    /// For the statements that follow, in place of the timeout.
    void set_patience(const Patience& patience);
    /// Frames in the WAL after the last commit of this connection.
    [[nodiscard]] int wal_frames() const noexcept { return wal_frames_; }
    /// The rowid of the last row that was inserted, by a statement and not by a trigger.
    [[nodiscard]] std::int64_t last_insert_key() const noexcept;
    void watch_wal() noexcept;
    void clear_statements();
    /// Clears them where they were prepared for another schema than that of this count (PRAGMA schema_version). To be called
    /// inside of a transaction that writes, before its first statement: where SQLite finds out by itself, takes back what the
    /// statement has begun and has no memory for that, it ends the transaction, says nothing, and runs the statement outside of
    /// one (3.40).
    void use_schema(int count);
    /// Of the one kind that there is.
    template <class Kind>
    Kind& deferred() {
        if (!deferred_) deferred_ = std::make_unique<Kind>();
        return dynamic_cast<Kind&>(*deferred_);
    }
    void write_deferred() {
        if (deferred_) deferred_->write(*this);
    }
    void forget_deferred() noexcept {
        if (deferred_) deferred_->forget();
    }
    /// Lets go of the handle without closing it: in a forked child, closing would drop the parent's locks.
    void leak() noexcept;

   private:
    friend class Query;
    std::unique_ptr<SQLite::Database> database_;
    std::map<std::string, std::unique_ptr<SQLite::Statement>, std::less<>> statements_;
    std::unique_ptr<Deferred> deferred_;
    int wal_frames_ = 0;
    int schema_count_ = -1;
    Patience patience_{Deadline{}};
};

/// Opens with the settings of the design: foreign keys, cell_size_check, recursive triggers, secure_delete, defensive,
/// no mmap, no automatic checkpoint, none on close, a WAL that stays, no triggers (see append_only.hpp).
/// @throws StoreNotFound, IoError, Error where the file is no database of ours, Corruption where it is cut short
std::unique_ptr<Connection> open_connection(const std::filesystem::path& file, Access access);

/// A statement in use: taken from the connection's cache, bound, stepped, and handed back at the end of its scope.
class Query {
   public:
    template <class... Args>
    Query(Connection& connection, std::string_view sql, const Args&... args) : Query(connection, sql, nullptr) {
        int index = 0;
        (bind(++index, args), ...);
    }
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;
    ~Query();

    void bind(int index, std::int64_t value);
    void bind(int index, int value) { bind(index, static_cast<std::int64_t>(value)); }
    void bind(int index, std::size_t value) { bind(index, static_cast<std::int64_t>(value)); }
    void bind(int index, std::string_view value);
    void bind(int index, const std::string& value);
    void bind(int index, const char* value) { bind(index, std::string_view(value)); }
    void bind(int index, std::span<const std::uint8_t> blob);
    void bind(int index, std::nullptr_t);
    template <class T>
    void bind(int index, const std::optional<T>& value) {
        if (value) {
            bind(index, *value);
        } else {
            bind(index, nullptr);
        }
    }

    /// Moves to the next row; false where there is none.
    bool step();
    /// Runs a statement without rows and answers how many rows it changed; it may be bound and run again.
    int run();
    /// Makes it ready to be bound and run again.
    void reset();

    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] std::string_view view(int column) const;  ///< valid until the next step
    [[nodiscard]] std::string_view peek(int column) const;  ///< a text or blob where it lies: until the next step or write
    [[nodiscard]] std::optional<std::string> optional_text(int column) const;
    [[nodiscard]] std::optional<std::int64_t> optional_integer(int column) const;
    [[nodiscard]] std::string blob(int column) const;
    [[nodiscard]] bool is_null(int column) const;
    [[nodiscard]] bool is_text(int column) const;  ///< to be asked before its text is

   private:
    Query(Connection& connection, std::string_view sql, std::nullptr_t);
    SQLite::Statement* statement_;
    std::unique_ptr<SQLite::Statement> own_;  ///< where the cached one is in use further up the stack
    Connection& connection_;
    std::string_view sql_;  ///< the cache's key
};

/// What to bind to LIMIT for a limit in which 0 means all.
inline std::int64_t limit_or_all(std::size_t limit) {
    return limit == 0 || limit > static_cast<std::size_t>(INT64_MAX) ? -1 : static_cast<std::int64_t>(limit);
}

/// Rethrows the current exception as one of custody's if SQLite threw it. `doing` says what was tried.
[[noreturn]] void rethrow_translated(const char* doing, sqlite3* handle);

}  // namespace custody::sqlite
