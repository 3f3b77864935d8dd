#include "sqlite/copy.hpp"

#include <SQLiteCpp/Exception.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <custody/error.hpp>

#include "sqlite/files.hpp"

namespace custody::sqlite {

namespace {

// VACUUM INTO takes an empty file as it is, with its permissions; by itself it would give the umask's.
void vacuum_into(Connection& connection, const std::filesystem::path& to, unsigned mode) {
    make_empty_file(to, mode);
    Query(connection, "VACUUM INTO ?", to.string()).run();
    sync_file_and_folder(to);
}

// Of a file that no connection has open. The two bytes say 2 where the database has a WAL; such a file alone can't be read on
// read-only media, and makes -wal and -shm wherever it is looked at.
void forget_wal(const std::filesystem::path& file) {
    constexpr off_t read_and_write_version = 18;
    constexpr std::array<char, 2> rollback{1, 1};
    const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
    const bool done = fd >= 0 && ::pwrite(fd, rollback.data(), rollback.size(), read_and_write_version) == 2;
    const int code = errno;
    if (fd >= 0) ::close(fd);
    if (!done) throw IoError("can't write the header of " + file.string(), code);
}

void step_all(sqlite3* from, sqlite3* to, const std::string& doing) {
    auto* const backup = sqlite3_backup_init(to, "main", from, "main");
    int code = backup == nullptr ? sqlite3_errcode(to) : sqlite3_backup_step(backup, -1);
    if (backup != nullptr) {
        const int ended = sqlite3_backup_finish(backup);
        if (code == SQLITE_DONE) code = ended;  // of a whole copy; else it says the same
    }
    if (code == SQLITE_OK) return;
    try {
        throw SQLite::Exception(sqlite3_errstr(code), code);
    } catch (const SQLite::Exception&) {
        rethrow_translated(doing.c_str(), to);
    }
}

bool has_content(const std::filesystem::path& file) {
    std::error_code gone;
    const auto size = std::filesystem::file_size(file, gone);
    return !gone && size > 0;
}

}  // namespace

void copy_pages(Connection& from, const std::filesystem::path& to, unsigned mode) {
    make_empty_file(to, mode);
    {
        // Nobody else knows the file yet, and it is made durable as a whole.
        const auto copy = open_connection(to, Access::create);
        copy->execute("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF");
        step_all(from.handle(), copy->handle(), "copying the catalog to " + to.string());
    }
    for (const char* suffix : {"-wal", "-shm", "-journal"}) ::unlink((to.string() + suffix).c_str());
    forget_wal(to);
    sync_file_and_folder(to);
}

std::unique_ptr<Connection> open_at_rest(const std::filesystem::path& file) {
    for (const auto access : {Access::read_only, Access::immutable}) {
        try {
            auto connection = open_connection(file, access);
            Query(*connection, "SELECT count(*) FROM sqlite_schema").step();
            return connection;
        } catch (const IoError& error) {
            if (access == Access::immutable) throw;
            if (has_content(file.string() + "-wal")) {
                throw IoError(std::string(error.what()) +
                                  ": it has a write-ahead log beside it, which can't be read there; copy " +
                                  "both to a place that can be written",
                              error.code());
            }
        }
    }
    throw IoError("can't open " + file.string(), EACCES);
}

void copy_database(const std::filesystem::path& from, const std::filesystem::path& to, unsigned mode) {
    vacuum_into(*open_connection(from, Access::read_write), to, mode);
}

void change_copy(const std::filesystem::path& file, const std::function<void(Connection&)>& change) {
    const auto connection = open_connection(file, Access::read_write);
    connection->execute("BEGIN IMMEDIATE");
    change(*connection);
    connection->execute("COMMIT");
}

void rewrite_copy(const std::filesystem::path& from, const std::filesystem::path& to, unsigned mode) {
    vacuum_into(*open_connection(from, Access::read_write), to, mode);
}

}  // namespace custody::sqlite
