#pragma once

struct sqlite3;

namespace custody::sqlite {

/// Takes the place of the schema's triggers that keep rows from being changed or deleted, in a connection that runs no triggers:
/// a statement that would do so is refused when it is prepared, whatever its WHERE says. What a REPLACE would delete on its way
/// SQLite asks nobody about: no statement of the library is one.
void hold_append_only(sqlite3* handle) noexcept;

}  // namespace custody::sqlite
