#include "sqlite/connection.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <custody/error.hpp>
#include <thread>

#include "sqlite/append_only.hpp"
#include "sqlite/layer.hpp"
#include "sqlite/migrations.hpp"

namespace custody::sqlite {

namespace {

// Only connections of the library have this function, which the guards of every table call: every other client is refused. (Here
// the guards don't run: see configure.)
void custody_writer(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) { sqlite3_result_int(context, 1); }

int remember_wal_frames(void* target, sqlite3* /*handle*/, const char* /*name*/, int frames) {
    *static_cast<int*>(target) = frames;
    return SQLITE_OK;
}

std::uint32_t big_endian(const unsigned char* bytes) {
    return (std::uint32_t{bytes[0]} << 24U) | (std::uint32_t{bytes[1]} << 16U) | (std::uint32_t{bytes[2]} << 8U) | bytes[3];
}

// Looks at the file's header through SQLite's own descriptor (another open and close of the file would drop the locks of
// this process) and before SQLite reads it, which would make -wal and -shm beside a database that is not ours.
void check_header(sqlite3* handle, const std::string& file) {
    sqlite3_file* raw = nullptr;
    if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &raw) != SQLITE_OK || raw == nullptr ||
        raw->pMethods == nullptr) {
        throw IoError("can't look at " + file, EIO);
    }
    std::array<unsigned char, 100> header{};
    sqlite3_int64 size = 0;
    if (raw->pMethods->xFileSize(raw, &size) != SQLITE_OK) throw IoError("can't tell the size of " + file, EIO);
    const std::string advice = "; it was not touched. Restore it from a backup, or name the right store";
    if (size < static_cast<sqlite3_int64>(header.size())) {
        throw Corruption(file + " is cut short: it has " + std::to_string(size) + " bytes" + advice);
    }
    if (raw->pMethods->xRead(raw, header.data(), static_cast<int>(header.size()), 0) != SQLITE_OK) {
        throw IoError("can't read the header of " + file, EIO);
    }
    if (std::memcmp(header.data(), "SQLite format 3", 16) != 0) throw Error(file + " is no SQLite database" + advice);
    // (A file shorter than its header says may be whole together with its WAL: SQLite judges that when it reads.)
    if (big_endian(header.data() + 68) != application_id) throw Error(file + " is a database of another program" + advice);
}

// The first one to open a store recovers its WAL, and keeps it locked while it does.
constexpr int opening_patience_ms = 10000;

// Whether SQLite was built so that a connection which isn't told otherwise syncs all that `PRAGMA synchronous = FULL` does.
bool syncs_by_itself() {
    for (int i = 0;; ++i) {
        const char* const option = sqlite3_compileoption_get(i);
        if (option == nullptr) return true;
        for (const std::string_view name : {"DEFAULT_SYNCHRONOUS=", "DEFAULT_WAL_SYNCHRONOUS="}) {
            const std::string_view built = option;
            if (built.substr(0, name.size()) == name && built.substr(name.size()) < "2") return false;
        }
    }
}

// As long as SQLite's own handler waits, but looking often enough.
int wait_a_little(void* patience, int attempts) {
    constexpr int first_pauses_ms[] = {1, 2, 5, 10, 15};
    auto& held = *static_cast<Patience*>(patience);
    if (held.is_over()) return 0;
    const std::chrono::milliseconds pause(attempts < 5 ? first_pauses_ms[attempts] : 20);
    std::this_thread::sleep_until(std::min(std::chrono::steady_clock::now() + pause, held.deadline()));
    return 1;
}

void configure(Connection& connection, Access access) {
    sqlite3* handle = connection.handle();
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, opening_patience_ms);
    // Memory of the connection's own for what its statements allocate, lines of entries among it: all others take SQLite's one
    // lock.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_LOOKASIDE, nullptr, 2400, 128);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    // SQLite 3.40 counts the JSON functions of the generated columns as unsafe, and without trust can't even load the schema
    // to be looked at. Nothing of a schema is evaluated before it was compared with the embedded text (Database::check),
    // and no function of these connections reaches outside of the database.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
    // An unguarded checkpoint meets the WAL-reset bug of SQLite before 3.51.3: see Database::checkpoint.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    int persist = 1;
    sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    if (access == Access::checkpoint && syncs_by_itself()) {
        // The version is read for its transaction, which opens the WAL: a checkpoint by a connection without it does nothing.
        connection.execute("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version");
        return;
    }
    // A page that isn't in the cache is copied and each of its cells is checked, which costs as much as a whole look-up by id; a
    // thousand artifacts that a program goes back and forth among, and their sources, are 20 MiB of pages where there are a
    // million.
    connection.execute(
        "PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON;"
        "PRAGMA recursive_triggers = ON; PRAGMA secure_delete = ON; PRAGMA mmap_size = 0; PRAGMA journal_size_limit = 16777216;"
        "PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY");
    if (access == Access::read_write || access == Access::create) {
        sqlite3_create_function_v2(handle, "custody_writer", 0, SQLITE_UTF8 | SQLITE_INNOCUOUS, nullptr, custody_writer, nullptr,
                                   nullptr, nullptr);
        // The schema's triggers stand between its tables and every other client. Here they would cost a third of what a new
        // artifact's rows take: SQLite runs a program for each, and keeps a copy of each page that a statement changes, since a
        // trigger might refuse it in the middle. So connections of the library run none, and hold the rules by themselves: this
        // one, catalog/counters.hpp, and audit::Writer.
        sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
        hold_append_only(handle);
    }
}

}  // namespace

Connection::Connection(std::unique_ptr<SQLite::Database> database) : database_(std::move(database)) {}

Connection::~Connection() = default;

sqlite3* Connection::handle() const noexcept { return database_->getHandle(); }

// To be called after wal_autocheckpoint was set: that setting takes the hook for itself.
void Connection::watch_wal() noexcept { sqlite3_wal_hook(handle(), remember_wal_frames, &wal_frames_); }

std::int64_t Connection::last_insert_key() const noexcept { return sqlite3_last_insert_rowid(handle()); }

bool Connection::in_autocommit() const noexcept { return sqlite3_get_autocommit(handle()) != 0; }

void Connection::execute(const char* sql) {
    try {
        database_->exec(sql);
    } catch (...) {
        rethrow_translated("running a statement", handle());
    }
}

void Connection::set_busy_timeout(std::chrono::milliseconds timeout) {
    sqlite3_busy_timeout(handle(), static_cast<int>(std::min<std::int64_t>(timeout.count(), 1 << 30)));
}

void Connection::set_patience(const Patience& patience) {
    patience_ = patience;
    sqlite3_busy_handler(handle(), wait_a_little, &patience_);
}

void Connection::clear_statements() { statements_.clear(); }

void Connection::use_schema(int count) {
    if (count != schema_count_) clear_statements();
    schema_count_ = count;
}

void Connection::leak() noexcept {
    for (auto& [sql, statement] : statements_) (void)statement.release();
    (void)database_.release();
}

std::unique_ptr<Connection> open_connection(const std::filesystem::path& file, Access access) {
    int flags = SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX;
    std::string name = file.string();
    if (access == Access::read_write || access == Access::checkpoint) flags |= SQLITE_OPEN_READWRITE;
    if (access == Access::create) flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (access == Access::read_only) flags |= SQLITE_OPEN_READONLY;
    if (access == Access::immutable) {
        flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
        std::string escaped;
        for (const char c : name) {
            if (c == '%')
                escaped += "%25";
            else if (c == '?')
                escaped += "%3f";
            else if (c == '#')
                escaped += "%23";
            else
                escaped += c;
        }
        name = "file:" + escaped + "?immutable=1";
    }
    std::unique_ptr<Connection> connection;
    try {
        connection = std::make_unique<Connection>(std::make_unique<SQLite::Database>(name.c_str(), flags, 0, file_layer()));
    } catch (...) {
        rethrow_translated(("opening " + file.string()).c_str(), nullptr);
    }
    if (access != Access::create) check_header(connection->handle(), file.string());
    configure(*connection, access);
    connection->watch_wal();
    return connection;
}

}  // namespace custody::sqlite
