#pragma once

namespace custody::sqlite {

/// The name of our layer between SQLite and the system's files, registered on first use. A WAL that is there is opened as what it
/// is: SQLite takes every WAL that it opens for a new one, and syncs the folder for each connection that then syncs.
const char* file_layer();

}  // namespace custody::sqlite
