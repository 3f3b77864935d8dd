#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/note.hpp"

namespace custody::sqlite {
class Connection;
}

namespace custody::audit {

/// A key that the store has recorded.
struct KeyRow {
    std::string epoch;
    std::string public_key;  ///< hex
    std::string verifier_key;
    std::int64_t seq;  ///< of the entry that names it
};
/// In the order in which they were recorded; the last one of an epoch is the one in use.
std::vector<KeyRow> list_keys(sqlite::Connection& connection);
std::optional<KeyRow> current_key(sqlite::Connection& connection, const std::string& epoch);
void insert_key(sqlite::Connection& connection, const KeyRow& key);

/// A stored checkpoint as it is in the table, unchecked.
struct CheckpointRow {
    std::uint64_t size;
    std::string epoch;
    std::string public_key;
    std::string note;
};
/// By size.
std::vector<CheckpointRow> list_checkpoints(sqlite::Connection& connection);
std::optional<CheckpointRow> find_checkpoint(sqlite::Connection& connection, std::uint64_t size, const std::string& epoch,
                                             const std::string& public_key);
/// The largest one of the epoch that covers so many entries.
std::optional<CheckpointRow> latest_checkpoint(sqlite::Connection& connection, const std::string& epoch,
                                               std::uint64_t least_size);
void insert_checkpoint(sqlite::Connection& connection, const CheckpointRow& checkpoint);

/// What the old key signs when a new one takes its place; its signature stands in the entry that names the new one.
std::string rotation_text(const std::string& origin, const std::string& new_public_key);

}  // namespace custody::audit
