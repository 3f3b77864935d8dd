/* A copy of SQLite inside a library that shows none of its names, as some wheels carry one. */
#include <sqlite3.h>

/* One connect, a checkpoint, and close: housekeeping that SQLite allows at any time. Answers SQLite's code. */
int checkpoint(const char* file) {
    sqlite3* handle = 0;
    int code = sqlite3_open_v2(file, &handle, SQLITE_OPEN_READWRITE, 0);
    if (code == SQLITE_OK) code = sqlite3_exec(handle, "PRAGMA wal_checkpoint(TRUNCATE)", 0, 0, 0);
    sqlite3_close(handle);
    return code;
}
