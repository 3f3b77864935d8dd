#pragma once

#include <array>
#include <cstdint>
#include <custody/ids.hpp>
#include <custody/json.hpp>
#include <custody/time.hpp>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/line.hpp"

namespace custody::audit {

/// What never changes of a row, column by column, as text; hashed, since a million of them are kept at once.
using Columns = std::vector<std::pair<const char*, std::optional<std::string>>>;
using Fingerprint = std::array<std::uint8_t, 16>;
Fingerprint fingerprint_of(const Columns& columns);
/// What the entry that made an artifact, or started a run, says of its columns.
Columns columns_of_artifact(const json& entry);
Columns columns_of_run(const json& entry);

using Microseconds = std::int64_t;
inline constexpr Microseconds never = INT64_MIN;
using RowKey = std::uint32_t;

struct ArtifactFacts {
    ArtifactId id;
    Fingerprint fixed;
    std::int64_t create_seq;
    std::int64_t error_seq = 0;  ///< of the entry that has the error message; 0: none
    Microseconds updated_at;
    Microseconds removed_at = never;
    std::string_view type;
    std::string_view status;
    RowKey links = 0;
    bool is_named = false;  ///< has a file name
    bool metadata_withdrawn = false;
    bool file_name_withdrawn = false;
};

struct RunFacts {
    RunId id;
    Fingerprint fixed;
    std::int64_t start_seq;
    std::int64_t error_seq = 0;
    std::string_view status;
    std::string_view end_reason{};
    Microseconds ended_at = never;
    bool configuration_withdrawn = false;
};

struct HoldFacts {
    RowKey artifact;
    std::int64_t reason_seq;
    std::string placed_by, placed_at;
    std::optional<std::string> removed_by{}, removed_at{};
};

struct LinkFacts {
    RowKey output, ordinal, source;
    std::string_view relationship;
    Microseconds created_at;
};

struct MemberFacts {
    RowKey run, artifact;
    bool is_output;
    friend auto operator<=>(const MemberFacts&, const MemberFacts&) = default;
};

struct PayloadFacts {
    std::int64_t size_bytes;
    bool is_present;
};

struct PolicyFacts {
    std::int64_t days;
    bool when_descendants_completed;
    std::int64_t seq;
};

struct DigestHash {
    std::size_t operator()(const Digest& digest) const noexcept {
        std::size_t value = 0;
        for (std::size_t i = 0; i < sizeof value; ++i) value = (value << 8U) | digest.bytes()[i];
        return value;  // the bytes are random already
    }
};

/// The catalog as the trail tells it: entries go in, in order, and the rows that there must be come to stand. Row numbers are
/// those of creation: nothing is ever deleted. About 300 bytes an artifact with two links.
class Replay {
   public:
    /// Whether an entry may say something of a row. May be asked by any thread.
    static bool concerns(std::string_view line, const LineView& view);
    void apply(std::int64_t seq, const json& entry);
    /// To be called after the last entry.
    void finish();

    std::deque<ArtifactFacts> artifacts{};  ///< the artifact with key k is at k − 1
    std::deque<RunFacts> runs{};
    std::map<std::int64_t, HoldFacts> holds{};
    std::deque<LinkFacts> links{};      ///< finish() sorts them by output and ordinal
    std::deque<MemberFacts> members{};  ///< finish() sorts them by run and artifact
    std::unordered_map<Digest, PayloadFacts, DigestHash> payloads{};
    std::map<std::string, std::string> types{};     ///< registered ones: sensitivity
    std::map<std::string, PolicyFacts> policies{};  ///< by the type that they are for
    std::map<std::string, json> store{};            ///< columns of the table store
    std::map<std::string, std::string> applied_at{};
    std::optional<json> boot{};
    std::set<std::pair<std::int64_t, std::string>> seals{};             ///< size, public key
    std::set<std::pair<std::string_view, std::string_view>> counted{};  ///< types and statuses that ever occurred
    /// Entries that don't fit what came before them: number, what is wrong.
    std::vector<std::pair<std::int64_t, std::string>> contradictions{};

    /// Whether a payload may have been recorded as verified at that time.
    [[nodiscard]] bool was_verified(const Digest& digest, const std::string& time) const;

   private:
    void create(std::int64_t seq, const json& entry);
    void change_status(std::int64_t seq, const json& entry);
    void link(const json& entry);
    void remove(const json& entry);
    void collect(const json& details);
    void hold(std::int64_t seq, const json& entry);
    void set_policy(std::int64_t seq, const json& entry);
    void start_run(std::int64_t seq, const json& entry);
    void end_run(std::int64_t seq, const json& entry);
    void redact(const json& entry);
    void set_store(const json& entry);
    void note_checkpoints(const json& details);
    void note_verified(const json& entry);

    void add_links(RowKey output, const json& sources, const json& details, Microseconds time);
    void add_input(std::optional<RowKey> run, RowKey artifact);
    RowKey key_of(const json& artifact_id) const;
    std::optional<RowKey> run_of(const json& run_id) const;
    std::string_view interned(const std::string& text);

    std::unordered_map<ArtifactId, RowKey> artifact_keys_{};
    std::unordered_map<RunId, RowKey> run_keys_{};
    std::set<std::string, std::less<>> names_{};
    std::vector<std::pair<std::uint64_t, Microseconds>> verified_{};  ///< first bytes of a digest, and when it was found good
    std::set<Microseconds> verifications_{};
};

/// The entry's time.
Microseconds time_of(const json& entry);
inline std::string to_text(Microseconds time) { return Timestamp(Timestamp::TimePoint(Timestamp::Duration(time))).str(); }

}  // namespace custody::audit
