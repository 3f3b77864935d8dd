#include "sqlite/append_only.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace custody::sqlite {

namespace {

constexpr std::array<std::string_view, 8> never_deleted = {"artifacts",   "audit_checkpoints", "audit_entries", "audit_keys",
                                                           "audit_tiles", "audit_tree",        "lineage_edges", "runs"};
constexpr std::array<std::string_view, 4> never_changed = {"audit_checkpoints", "audit_entries", "audit_keys", "lineage_edges"};

template <class Tables>
int denied_if_among(const Tables& tables, const char* table) {
    return std::find(tables.begin(), tables.end(), table) == tables.end() ? SQLITE_OK : SQLITE_DENY;
}

int authorize(void* /*context*/, int action, const char* table, const char* /*column*/, const char* /*database*/,
              const char* /*trigger*/) {
    if (action == SQLITE_DELETE) return denied_if_among(never_deleted, table);
    if (action == SQLITE_UPDATE) return denied_if_among(never_changed, table);
    return SQLITE_OK;
}

}  // namespace

void hold_append_only(sqlite3* handle) noexcept { sqlite3_set_authorizer(handle, authorize, nullptr); }

}  // namespace custody::sqlite
