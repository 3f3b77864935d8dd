#pragma once

namespace custody::sqlite {

/// A schema as text: one row an object. Statistics tables come and go with ANALYZE and say nothing.
inline constexpr const char* schema_query =
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' AND name <> 'sqlite_sequence' ORDER "
    "BY type, name, tbl_name";
inline constexpr char schema_field_end = '\x1f';
inline constexpr char schema_row_end = '\x1e';

}  // namespace custody::sqlite
