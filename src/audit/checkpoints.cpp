#include "audit/checkpoints.hpp"

#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

std::optional<CheckpointRow> one(sqlite::Query& query) {
    if (!query.step()) return std::nullopt;
    return CheckpointRow{static_cast<std::uint64_t>(query.integer(0)), query.text(1), query.text(2), query.text(3)};
}

}  // namespace

std::vector<KeyRow> list_keys(sqlite::Connection& connection) {
    std::vector<KeyRow> keys;
    sqlite::Query query(connection, "SELECT epoch, public_key, verifier_key, seq FROM audit_keys ORDER BY seq, public_key");
    while (query.step()) keys.push_back({query.text(0), query.text(1), query.text(2), query.integer(3)});
    return keys;
}

std::optional<KeyRow> current_key(sqlite::Connection& connection, const std::string& epoch) {
    std::optional<KeyRow> current;
    for (auto& key : list_keys(connection)) {
        if (key.epoch == epoch) current = std::move(key);
    }
    return current;
}

void insert_key(sqlite::Connection& connection, const KeyRow& key) {
    sqlite::Query(connection, "INSERT INTO audit_keys (epoch, public_key, verifier_key, seq) VALUES (?, ?, ?, ?)", key.epoch,
                  key.public_key, key.verifier_key, key.seq)
        .run();
}

std::vector<CheckpointRow> list_checkpoints(sqlite::Connection& connection) {
    std::vector<CheckpointRow> rows;
    sqlite::Query query(connection,
                        "SELECT size, epoch, public_key, note FROM audit_checkpoints ORDER BY size, epoch, public_key");
    while (auto row = one(query)) rows.push_back(std::move(*row));
    return rows;
}

std::optional<CheckpointRow> find_checkpoint(sqlite::Connection& connection, std::uint64_t size, const std::string& epoch,
                                             const std::string& public_key) {
    sqlite::Query query(connection,
                        "SELECT size, epoch, public_key, note FROM audit_checkpoints "
                        "WHERE size = ? AND epoch = ? AND public_key = ?",
                        static_cast<std::int64_t>(size), epoch, public_key);
    return one(query);
}

std::optional<CheckpointRow> latest_checkpoint(sqlite::Connection& connection, const std::string& epoch,
                                               std::uint64_t least_size) {
    sqlite::Query query(connection,
                        "SELECT size, epoch, public_key, note FROM audit_checkpoints "
                        "WHERE size >= ? AND epoch = ? ORDER BY size DESC LIMIT 1",
                        static_cast<std::int64_t>(least_size), epoch);
    return one(query);
}

void insert_checkpoint(sqlite::Connection& connection, const CheckpointRow& checkpoint) {
    sqlite::Query(connection, "INSERT INTO audit_checkpoints (size, epoch, public_key, note) VALUES (?, ?, ?, ?)",
                  static_cast<std::int64_t>(checkpoint.size), checkpoint.epoch, checkpoint.public_key, checkpoint.note)
        .run();
}

std::string rotation_text(const std::string& origin, const std::string& new_public_key) {
    return "custody key rotation\n" + origin + "\n" + new_public_key + "\n";
}

}  // namespace custody::audit
