#include "catalog/payloads.hpp"

#include <custody/error.hpp>

#include "catalog/counters.hpp"
#include "sqlite/connection.hpp"

namespace custody::catalog {

namespace {

// One that still has the payload of the digest that is to follow. Type by type, so that the index leads past those whose payload
// was removed: content such as an empty file may have any number.
const std::string artifact_that_has =
    "SELECT 1 FROM artifact_types AS t CROSS JOIN artifacts AS a "
    "WHERE a.artifact_type = t.artifact_type AND a.removed_at IS NULL AND a.checksum = ";

// What is no time was never verified: an altered row must not keep the others from being looked at.
Timestamp time_or_never(std::string_view text) {
    try {
        return Timestamp::parse(text);
    } catch (const InvalidArgument&) {
        return Timestamp(Timestamp::TimePoint{});
    }
}

PayloadRow row_of(const sqlite::Query& query) {
    return {Digest::parse(query.view(0)), static_cast<std::uint64_t>(query.integer(1)), query.view(2) == "present",
            query.integer(3), time_or_never(query.view(4))};
}

void count(sqlite::Connection& connection, const PayloadRow& payload, std::int64_t more) {
    add_to_payload_count(connection, payload.present ? "present" : "removed", more,
                         more * static_cast<std::int64_t>(payload.size_bytes));
}

}  // namespace

void upsert_payload(sqlite::Connection& connection, const PayloadRow& payload) {
    const auto digest = payload.digest.hex();
    const auto size_bytes = static_cast<std::int64_t>(payload.size_bytes);
    const auto verified_at = payload.verified_at.str();
    const bool is_new = sqlite::Query(connection,
                                      "INSERT INTO payloads (digest, size_bytes, state, mtime_ns, verified_at) VALUES (?, ?, "
                                      "'present', ?, ?) ON CONFLICT (digest) DO NOTHING",
                                      digest, size_bytes, payload.mtime_ns, verified_at)
                            .run() == 1;
    if (!is_new) {
        count(connection, find_payload(connection, payload.digest).value(), -1);
        sqlite::Query(connection,
                      "UPDATE payloads SET size_bytes = ?, state = 'present', mtime_ns = ?, verified_at = ? WHERE digest = ?",
                      size_bytes, payload.mtime_ns, verified_at, digest)
            .run();
    }
    count(connection, payload, 1);
}

void insert_removed_payload(sqlite::Connection& connection, const Digest& digest, std::uint64_t size_bytes,
                            const Timestamp& told_at) {
    const bool is_new = sqlite::Query(connection,
                                      "INSERT INTO payloads (digest, size_bytes, state, mtime_ns, verified_at) VALUES (?, ?, "
                                      "'removed', 0, ?) ON CONFLICT (digest) DO NOTHING",
                                      digest.hex(), static_cast<std::int64_t>(size_bytes), told_at.str())
                            .run() == 1;
    if (is_new) count(connection, {digest, size_bytes, false, 0, told_at}, 1);
}

std::optional<PayloadRow> find_payload(sqlite::Connection& connection, const Digest& digest) {
    sqlite::Query query(connection, "SELECT digest, size_bytes, state, mtime_ns, verified_at FROM payloads WHERE digest = ?",
                        digest.hex());
    if (!query.step()) return std::nullopt;
    return row_of(query);
}

std::vector<Digest> payloads_of_size(sqlite::Connection& connection, std::uint64_t size_bytes) {
    std::vector<Digest> found;
    if (size_bytes < indexed_size_bytes) return found;
    // The constant is that of the index, which is not used without it.
    sqlite::Query query(
        connection, "SELECT digest FROM payloads WHERE size_bytes = ? AND size_bytes >= 1048576 AND state = 'present' LIMIT 8",
        static_cast<std::int64_t>(size_bytes));
    while (query.step()) found.push_back(Digest::parse(query.view(0)));
    return found;
}

bool is_mark_due(const PayloadRow& payload, std::int64_t mtime_ns, const Timestamp& now) {
    return payload.mtime_ns != mtime_ns || payload.verified_at.time() + std::chrono::minutes(1) < now.time() ||
           now < payload.verified_at;
}

void mark_verified(sqlite::Connection& connection, const Digest& digest, std::int64_t mtime_ns, const Timestamp& verified_at) {
    sqlite::Query(connection, "UPDATE payloads SET mtime_ns = ?, verified_at = ? WHERE digest = ?", mtime_ns, verified_at.str(),
                  digest.hex())
        .run();
}

void mark_payload_removed(sqlite::Connection& connection, PayloadRow payload) {
    count(connection, payload, -1);
    payload.present = false;
    count(connection, payload, 1);
    sqlite::Query(connection, "UPDATE payloads SET state = 'removed', mtime_ns = 0 WHERE digest = ?", payload.digest.hex()).run();
}

bool is_referenced(sqlite::Connection& connection, const Digest& digest) {
    sqlite::Query query(connection, artifact_that_has + "? LIMIT 1", digest.hex());
    return query.step();
}

std::vector<UnusedPayload> unused_payloads(sqlite::Connection& connection, const std::string& after, std::int64_t limit) {
    sqlite::Query query(connection,
                        "SELECT digest, size_bytes FROM payloads AS p WHERE digest > ? AND state = 'present' AND NOT EXISTS (" +
                            artifact_that_has + "p.digest) ORDER BY digest LIMIT ?",
                        after, limit);
    std::vector<UnusedPayload> unused;
    while (query.step()) unused.push_back({Digest::parse(query.view(0)), static_cast<std::uint64_t>(query.integer(1))});
    return unused;
}

void for_each_payload(sqlite::Connection& connection, const std::function<void(const PayloadRow&)>& use) {
    sqlite::Query query(connection, "SELECT digest, size_bytes, state, mtime_ns, verified_at FROM payloads ORDER BY digest");
    while (query.step()) use(row_of(query));
}

}  // namespace custody::catalog
