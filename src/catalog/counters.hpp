#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace custody::sqlite {
class Connection;
}

namespace custody::catalog {

/// Whoever changes what is counted says so here, inside of Database::write; what a part of its transaction adds up to is written
/// at the part's end.
void add_to_artifact_count(sqlite::Connection& connection, std::string_view type, std::string_view status, std::int64_t more);
void add_to_payload_count(sqlite::Connection& connection, std::string_view state, std::int64_t more, std::int64_t more_bytes);

/// Counters that differ from what they count, told in words; empty where all agree.
std::vector<std::string> counter_drift(sqlite::Connection& connection);

/// Counts anew.
void rebuild_counters(sqlite::Connection& connection);

}  // namespace custody::catalog
