#pragma once

#include <string>
#include <vector>

namespace custody::sqlite {

class Connection;

/// The version of the SQLite that this process uses, "3.40.1".
std::string engine_version();
/// Whether it has the WAL-reset bug (3.7.0 to 3.51.2; sqlite.org/wal.html), against which the library's checkpoints are guarded.
bool has_wal_reset_bug();
/// Whether the connection makes no checkpoint by itself, neither after commits nor at its end.
bool is_guarded(Connection& connection);

/// The programs and libraries of this process that have a SQLite inside, by path: one, or too many. Two copies don't know of each
/// other's locks, and one that opens and closes a database drops those of the other. Hidden copies are found too, by a text
/// that is in every SQLite. Reads the mapped parts of all that is loaded: some milliseconds.
std::vector<std::string> engines_in_process();

}  // namespace custody::sqlite
