#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace custody::sqlite {

class Connection;

/// "cust" in ASCII: what tells our databases from others (PRAGMA application_id).
inline constexpr int application_id = 0x63757374;

/// One migrations/NNNN_name.sql, embedded at build time.
struct Migration {
    int version;
    const char* name;
    const char* sha256;  ///< of the file
    const char* sql;
    const char* schema;  ///< what sqlite_schema must say after it (schema_text.hpp)
};

/// All of them, in order; the last one is this library's schema version.
std::span<const Migration> migrations();

inline int newest_version() { return static_cast<int>(migrations().size()); }

/// What a migration needs beyond SQL; called with its version, in its transaction.
using MigrationStep = std::function<void(Connection& connection, int version)>;

/// Applies what is missing, each in a transaction of its own with its row in schema_migrations; answers how many.
/// `prepare` is called once, where anything is missing, under the write lock of the first of them and before any change: what
/// is copied then is all that was ever committed in the old version. @throws Error
int migrate(Connection& connection, const MigrationStep& step = {}, const std::function<void()>& prepare = {});

/// How the schema differs from what its version ships with: "missing trigger guard_runs_insert", "foreign table x",
/// "altered view y". Empty where it doesn't. @throws Corruption where the schema can't be read
std::vector<std::string> schema_differences(Connection& connection, int version);

/// The statement that makes an object of that version's schema.
std::string schema_sql(int version, const std::string& type, const std::string& name);

}  // namespace custody::sqlite
