#include "sqlite/reviewer_query.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <custody/error.hpp>
#include <exception>
#include <memory>
#include <string_view>

#include "base/hex.hpp"
#include "base/text.hpp"
#include "sqlite/connection.hpp"

namespace custody::sqlite {

namespace {

using Clock = std::chrono::steady_clock;

// One value may be large (a whole audit line), but not a means to eat all memory.
constexpr int longest_value_bytes = 64 << 20;
constexpr auto longest_time_limit = std::chrono::milliseconds(std::chrono::hours(24));  // past it a deadline could overflow
constexpr int steps_between_clock_looks = 10000;

bool is_harmless_pragma(const char* name, const char* argument) {
    static constexpr std::array<std::string_view, 6> about_schema = {"table_info", "table_xinfo", "table_list",
                                                                     "index_list", "index_info",  "foreign_key_list"};
    const std::string_view wanted(name == nullptr ? "" : name);
    for (const auto pragma : about_schema) {
        if (wanted == pragma) return true;
    }
    return argument == nullptr && (wanted == "user_version" || wanted == "application_id");
}

int authorize(void* /*context*/, int action, const char* first, const char* second, const char* /*database*/,
              const char* /*trigger*/) {
    switch (action) {
        case SQLITE_SELECT:
        case SQLITE_READ:
        case SQLITE_RECURSIVE:
            return SQLITE_OK;
        case SQLITE_FUNCTION:
            return second != nullptr && std::string_view(second) == "load_extension" ? SQLITE_DENY : SQLITE_OK;
        case SQLITE_PRAGMA:
            return is_harmless_pragma(first, second) ? SQLITE_OK : SQLITE_DENY;
        default:
            return SQLITE_DENY;
    }
}

/// When a query has to end.
struct TimeLimit {
    Clock::time_point at;
    const Progress& progress;
    std::uint64_t rows = 0;
    std::exception_ptr stopped_by{};  ///< by the caller, whose exception can't pass through SQLite
};

int past_deadline(void* context) {
    auto& deadline = *static_cast<TimeLimit*>(context);
    try {
        if (deadline.progress) deadline.progress(deadline.rows, 0);
    } catch (...) {
        deadline.stopped_by = std::current_exception();
        return 1;
    }
    return Clock::now() >= deadline.at ? 1 : 0;
}

struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

[[noreturn]] void refuse(sqlite3* handle, int code, const SqlOptions& options) {
    if ((code & 0xff) == SQLITE_INTERRUPT) {
        throw InvalidArgument("the query took longer than its time limit of " + std::to_string(options.time_limit.count()) +
                              " ms");
    }
    if ((code & 0xff) == SQLITE_AUTH)
        throw InvalidArgument("only SELECT is allowed here: " + std::string(sqlite3_errmsg(handle)));
    if ((code & 0xff) == SQLITE_CORRUPT) throw Corruption("the catalog is damaged: " + std::string(sqlite3_errmsg(handle)));
    throw InvalidArgument("the query can't be run: " + std::string(sqlite3_errmsg(handle)));
}

Statement prepare(sqlite3* handle, const std::string& query, const SqlOptions& options) {
    sqlite3_stmt* raw = nullptr;
    const char* rest = nullptr;
    const int code = sqlite3_prepare_v2(handle, query.c_str(), static_cast<int>(query.size() + 1), &raw, &rest);
    Statement statement(raw);
    if (code != SQLITE_OK) refuse(handle, code, options);
    if (!statement) throw InvalidArgument("there is no statement in the query");
    sqlite3_stmt* second = nullptr;
    const int more = sqlite3_prepare_v2(handle, rest, -1, &second, nullptr);
    const Statement also(second);
    if (more != SQLITE_OK || also) throw InvalidArgument("one statement at a time, please");
    if (sqlite3_stmt_readonly(raw) == 0) throw InvalidArgument("only SELECT is allowed here");
    // SQLite would take each for NULL, and find nothing: an answer that looks like one.
    if (const int count = sqlite3_bind_parameter_count(raw); count > 0) {
        const char* const name = sqlite3_bind_parameter_name(raw, count);  // that one is there, of whatever number
        throw InvalidArgument("the query has a parameter, " + std::string(name == nullptr ? "?" : name) +
                              ": write the value itself in its place");
    }
    return statement;
}

json cell(sqlite3_stmt* statement, int column) {
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
    switch (sqlite3_column_type(statement, column)) {
        case SQLITE_INTEGER:
            return sqlite3_column_int64(statement, column);
        case SQLITE_FLOAT:
            return sqlite3_column_double(statement, column);
        case SQLITE_TEXT:
            return base::to_clean_utf8({reinterpret_cast<const char*>(sqlite3_column_text(statement, column)), size});
        case SQLITE_BLOB:
            return base::to_hex({static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, column)), size});
        default:
            return nullptr;
    }
}

}  // namespace

SqlResult run_reviewer_query(const std::filesystem::path& file, const std::string& query, const SqlOptions& options) {
    if (query.find('\0') != std::string::npos) throw InvalidArgument("the query has a NUL in it");
    const auto connection = open_connection(file, Access::read_write);  // a reader of a WAL has to write its index
    connection->execute("PRAGMA query_only = ON");
    // The tables that these functions stand for are declared on first use, which the authorizer would take for a CREATE TABLE.
    connection->execute("SELECT 1 FROM json_each('[]'), json_tree('[]')");
    sqlite3* handle = connection->handle();
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, longest_value_bytes);
    sqlite3_set_authorizer(handle, authorize, nullptr);
    TimeLimit deadline{Clock::now() + std::min(options.time_limit, longest_time_limit), options.progress};
    sqlite3_progress_handler(handle, steps_between_clock_looks, past_deadline, &deadline);

    const auto statement = prepare(handle, query, options);
    SqlResult result;
    const int columns = sqlite3_column_count(statement.get());
    for (int i = 0; i < columns; ++i) result.columns.emplace_back(base::to_clean_utf8(sqlite3_column_name(statement.get(), i)));
    for (;;) {
        const int code = sqlite3_step(statement.get());
        if (code == SQLITE_DONE) break;
        if (deadline.stopped_by) std::rethrow_exception(deadline.stopped_by);
        if (code != SQLITE_ROW) refuse(handle, code, options);
        if (options.max_rows != 0 && result.rows.size() == options.max_rows) {
            result.truncated = true;
            break;
        }
        std::vector<json> row;
        row.reserve(static_cast<std::size_t>(columns));
        for (int i = 0; i < columns; ++i) row.push_back(cell(statement.get(), i));
        result.rows.push_back(std::move(row));
        deadline.rows = result.rows.size();
    }
    return result;
}

}  // namespace custody::sqlite
