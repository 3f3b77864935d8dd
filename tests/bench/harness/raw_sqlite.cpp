#include "bench/harness/raw_sqlite.hpp"

#include <sqlite3.h>

#include <custody/ids.hpp>
#include <custody/time.hpp>
#include <stdexcept>
#include <utility>

namespace custody::bench {

namespace {

[[noreturn]] void fail(sqlite3* database, const std::string& doing) {
    throw std::runtime_error(doing + ": " + (database == nullptr ? "no memory" : sqlite3_errmsg(database)));
}

}  // namespace

RawSqlite::RawSqlite(const std::filesystem::path& file, Open open) {
    const int flags = open == Open::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(file.c_str(), &database_, flags, nullptr) != SQLITE_OK) fail(database_, "open " + file.string());
    sqlite3_busy_timeout(database_, 30000);
    if (open == Open::read_only) return;
    execute("PRAGMA journal_mode = WAL");
    execute("PRAGMA synchronous = FULL");
}

RawSqlite::~RawSqlite() { sqlite3_close_v2(database_); }

void RawSqlite::execute(const std::string& sql) {
    if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(database_, sql);
}

RawSqlite::Statement::Statement(sqlite3* database, const std::string& sql) : statement_(nullptr) {
    if (sqlite3_prepare_v3(database, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr) != SQLITE_OK) {
        fail(database, sql);
    }
}

RawSqlite::Statement::Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}

RawSqlite::Statement::~Statement() { sqlite3_finalize(statement_); }

RawSqlite::Statement& RawSqlite::Statement::bind(int index, std::string_view value) {
    sqlite3_bind_text(statement_, index, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    return *this;
}

RawSqlite::Statement& RawSqlite::Statement::bind(int index, std::int64_t value) {
    sqlite3_bind_int64(statement_, index, value);
    return *this;
}

bool RawSqlite::Statement::step() {
    const int code = sqlite3_step(statement_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) fail(sqlite3_db_handle(statement_), sqlite3_sql(statement_));
    return code == SQLITE_ROW;
}

void RawSqlite::Statement::reset() { sqlite3_reset(statement_); }

std::int64_t RawSqlite::Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view RawSqlite::Statement::view(int column) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return {text == nullptr ? "" : text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

int RawSqlite::Statement::columns() const { return sqlite3_column_count(statement_); }

std::uint64_t RawSqlite::Statement::drain() {
    std::uint64_t bytes = 0;
    while (step()) {
        for (int column = 0; column < columns(); ++column) {
            (void)sqlite3_column_text(statement_, column);
            bytes += static_cast<std::uint64_t>(sqlite3_column_bytes(statement_, column));
        }
    }
    reset();
    return bytes;
}

namespace {

const char* const bare_tables =
    "CREATE TABLE IF NOT EXISTS artifacts (artifact_key INTEGER PRIMARY KEY, artifact_id TEXT NOT NULL UNIQUE,"
    " artifact_type TEXT, status TEXT, created_at TEXT, updated_at TEXT, processing_module TEXT, metadata TEXT);"
    "CREATE TABLE IF NOT EXISTS lineage_edges (output_key INTEGER, ordinal INTEGER, source_key INTEGER, relationship TEXT,"
    " created_at TEXT, PRIMARY KEY (output_key, ordinal)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS audit_entries (seq INTEGER PRIMARY KEY, line TEXT NOT NULL);";

RawSqlite& with_tables(RawSqlite& database) {
    database.execute(bare_tables);
    return database;
}

void run(RawSqlite::Statement& statement) {
    statement.step();
    statement.reset();
}

}  // namespace

BareRows::BareRows(const std::filesystem::path& file)
    : database_(file, RawSqlite::Open::make),
      begin_(with_tables(database_).prepare("BEGIN IMMEDIATE")),
      commit_(database_.prepare("COMMIT")),
      artifact_(database_.prepare("INSERT INTO artifacts (artifact_id, artifact_type, status, created_at, updated_at, "
                                  "processing_module, metadata) VALUES (?1, 'metadata', 'completed', ?2, ?2, 'bench', ?3)")),
      edge_(database_.prepare("INSERT INTO lineage_edges SELECT max(artifact_key), 1, max(artifact_key) - 1, 'derived_from', ?1 "
                              "FROM artifacts")),
      entry_(database_.prepare("INSERT INTO audit_entries (line) VALUES (?1)")),
      metadata_(R"({"fps":30,"frames":1000,"model":"yolo-pose"})"),
      line_(std::string(884, 'l')) {}

void BareRows::create(std::size_t count) {
    run(begin_);
    for (std::size_t i = 0; i < count; ++i) {
        const auto now = Timestamp::now().str();
        run(artifact_.bind(1, ArtifactId::random().str()).bind(2, now).bind(3, metadata_));
        run(edge_.bind(1, now));
        run(entry_.bind(1, line_));
    }
    run(commit_);
}

void BareRows::set_busy_timeout_ms(int milliseconds) {
    database_.execute("PRAGMA busy_timeout = " + std::to_string(milliseconds));
}

}  // namespace custody::bench
