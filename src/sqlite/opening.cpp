// What an opening of the database may come to: an upgrade, or a fault that will have passed when it is tried again.
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <custody/error.hpp>

#include "sqlite/copy.hpp"
#include "sqlite/database.hpp"
#include "sqlite/files.hpp"
#include "sqlite/migrations.hpp"

namespace custody::sqlite {

// SQLite opens for reading what can't be opened for writing, whatever the reason, and stays with that as long as the process has
// the file open. Where it may be written, the reason was a passing one: better no store now than one that refuses every change.
void Database::refuse_passing_fault(Connection& writer) const {
    for (const char* suffix : {"", "-wal", "-shm"}) {
        if (::access((file_.string() + suffix).c_str(), W_OK) != 0) return;
    }
    writer.set_busy_timeout(std::chrono::milliseconds(0));
    try {
        if (sqlite3_db_readonly(writer.handle(), "main") == 1) throw IoError("opened for reading", EROFS);
        writer.execute("BEGIN IMMEDIATE");  // says the same of -wal and -shm
        writer.execute("ROLLBACK");
    } catch (const Busy&) {
        // That is asked after the other: it can be written.
    } catch (const IoError& error) {
        if (error.code() != EROFS) throw;
        throw IoError("can't open " + file_.string() +
                          " for writing at this moment, though its permissions allow it; look at the kernel's log, and try again",
                      EIO);
    }
}

void Database::upgrade(Connection& connection) {
    migrate(connection, options_.migration_step, [&] { keep_copy(); });
}

// Under the write lock, so that only a dead process can have left a part of one before.
void Database::keep_copy() const {
    const auto kept = file_.string() + ".v" + std::to_string(version_);
    const auto part = kept + ".part";
    const auto remove_part = [&] {
        for (const char* suffix : {"", "-journal"}) ::unlink((part + suffix).c_str());
    };
    remove_part();
    try {
        copy_database(file_, part, mode_beside(file_));
    } catch (...) {
        remove_part();
        throw;
    }
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    rename_to_free_name(part, kept + "-" + std::to_string(now.count()));
}

}  // namespace custody::sqlite
