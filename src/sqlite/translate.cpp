#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <cerrno>
#include <custody/error.hpp>
#include <string>

#include "sqlite/connection.hpp"

namespace custody::sqlite {

namespace {

IoError full(const std::string& what) {
    return {"the disk that holds the catalog is full (" + what +
                "); free some space (custody gc --grace 0 frees removed payloads) and try again",
            ENOSPC};
}

}  // namespace

void rethrow_translated(const char* doing, sqlite3* handle) {
    try {
        throw;
    } catch (const SQLite::Exception& error) {
        const char* file = handle != nullptr ? sqlite3_db_filename(handle, "main") : nullptr;
        const std::string what = std::string(doing) + (file != nullptr ? " in " + std::string(file) : "") + ": " + error.what();
        // The index of the WAL could not be made as large as it must be: mostly there is no room for it.
        if (error.getExtendedErrorCode() == SQLITE_IOERR_SHMSIZE) {
            const int reason = handle != nullptr ? sqlite3_system_errno(handle) : 0;
            if (reason == 0 || reason == ENOSPC || reason == EDQUOT) throw full(what);
        }
        switch (error.getErrorCode() & 0xff) {  // the primary code of an extended one
            case SQLITE_BUSY:
            case SQLITE_LOCKED:
                throw Busy("the catalog is locked by another program (" + what +
                           "); nothing was changed: try again, or raise the lock timeout");
            case SQLITE_FULL:
                throw full(what);
            case SQLITE_IOERR: {
                const int code = handle != nullptr ? sqlite3_system_errno(handle) : 0;
                if (code == ENOSPC || code == EDQUOT) throw full(what);
                throw IoError("the catalog can't be read or written (" + what + "); look at the kernel's log",
                              code != 0 ? code : EIO);
            }
            case SQLITE_READONLY:
            case SQLITE_PERM:
                throw IoError("the catalog can't be written (" + what +
                                  "); check the permissions of storage/ and that its disk is "
                                  "not mounted read-only",
                              EROFS);
            case SQLITE_CANTOPEN:
                throw IoError("the catalog can't be opened (" + what + "); check the permissions of storage/", EACCES);
            case SQLITE_CORRUPT:
                throw Corruption("the catalog is damaged (" + what + "); keep the files as they are and restore a backup");
            case SQLITE_NOTADB:
                throw Error("catalog.db is no SQLite database (" + what + ")");
            default:
                throw Error("the catalog refused (" + what + ")");
        }
    }
}

}  // namespace custody::sqlite
