#pragma once

#include <cstdint>
#include <custody/ids.hpp>
#include <custody/time.hpp>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace custody::sqlite {
class Connection;
}

namespace custody::catalog {

struct PayloadRow {
    Digest digest;
    std::uint64_t size_bytes;
    bool present;
    std::int64_t mtime_ns;
    Timestamp verified_at;
};

/// Records a payload that is present: it has just been hashed and found good.
void upsert_payload(sqlite::Connection& connection, const PayloadRow& payload);
/// Records one that had gone before it was ever here, unless it is known.
void insert_removed_payload(sqlite::Connection& connection, const Digest& digest, std::uint64_t size_bytes,
                            const Timestamp& told_at);
std::optional<PayloadRow> find_payload(sqlite::Connection& connection, const Digest& digest);
/// From this size on payloads can be found by it.
constexpr std::uint64_t indexed_size_bytes = std::uint64_t{1} << 20U;
/// A few payloads that are there, and are of this size. None below indexed_size_bytes.
std::vector<Digest> payloads_of_size(sqlite::Connection& connection, std::uint64_t size_bytes);
/// Whether it is worth a write to record that the payload was found good once more: not within a minute, if nothing else changed.
bool is_mark_due(const PayloadRow& payload, std::int64_t mtime_ns, const Timestamp& now);
void mark_verified(sqlite::Connection& connection, const Digest& digest, std::int64_t mtime_ns, const Timestamp& verified_at);
/// `payload` as it is in the table.
void mark_payload_removed(sqlite::Connection& connection, PayloadRow payload);
/// Whether an artifact that still has its payload refers to it; as quick however many do or did.
bool is_referenced(sqlite::Connection& connection, const Digest& digest);
/// Payloads that are said to be present and that no artifact has any more, by their digests, beginning after `after`: what an
/// interrupted cleanup of an earlier version may have left.
struct UnusedPayload {
    Digest digest;
    std::uint64_t size_bytes;
};
std::vector<UnusedPayload> unused_payloads(sqlite::Connection& connection, const std::string& after = {},
                                           std::int64_t limit = std::numeric_limits<std::int64_t>::max());
void for_each_payload(sqlite::Connection& connection, const std::function<void(const PayloadRow&)>& use);

}  // namespace custody::catalog
