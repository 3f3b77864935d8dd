#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <custody/audit.hpp>
#include <custody/finding.hpp>
#include <custody/ids.hpp>
#include <custody/json.hpp>
#include <custody/types.hpp>

namespace custody {

/// Which payloads to remove. Records, links and the trail stay; see `cleanup_old_artifacts`.
struct CleanupOptions {
    int older_than_days = 30;  ///< by created_at; 0 is everything up to now; negative is refused
    std::optional<ArtifactType> type{};
    std::optional<ArtifactStatus> status{};
    bool dry_run = false;  ///< says what would be removed; changes nothing
    Progress progress{};
};

/// Why an artifact that was old enough kept its payload.
struct KeptArtifact {
    ArtifactId id;
    std::string reason;  ///< "on hold", "used by unfinished run …", "dependent … is pending", …
};

struct CleanupReport {
    std::vector<ArtifactId> removed;  ///< artifacts whose payload was (or would be) removed
    std::vector<KeptArtifact> kept;
    std::uint64_t removed_files = 0;  ///< payload files that went; fewer than artifacts where content is shared
    std::uint64_t removed_bytes = 0;
    bool dry_run = false;
};

/// A hold keeps an artifact's payload from cleanup until it is removed.
struct Hold {
    std::int64_t hold_id;
    ArtifactId artifact_id;
    std::string reason;
    std::string placed_by;
    Timestamp placed_at;
};

struct Statistics {
    std::uint64_t total_size_bytes = 0;  ///< of the payloads on disk, each content once
    std::uint64_t total_payloads = 0;
    std::uint64_t total_artifacts = 0;
    std::map<std::string, std::uint64_t> artifact_counts;  ///< every type, zero-filled
    std::map<std::string, std::uint64_t> by_status;        ///< only what occurs
    std::map<std::string, std::uint64_t> by_type;          ///< only what occurs
    std::map<std::string, std::uint64_t> runs_by_status;
    std::optional<std::uint64_t> total_errors;  ///< only while audit is on
    std::map<std::string, std::uint64_t> errors_by_operation;
};

/// How much `verify` reads.
struct VerifyOptions {
    bool quick = false;             ///< presence and size of payloads only; no hashing
    double sample_percent = 100.0;  ///< hash only so many of the payloads, drawn at random
    Progress progress{};            ///< bytes hashed
};

struct VerifyReport {
    std::vector<Finding> findings;
    std::uint64_t artifacts = 0;
    std::uint64_t payloads = 0;
    std::uint64_t payloads_hashed = 0;
    std::uint64_t bytes_hashed = 0;
    std::uint64_t audit_entries = 0;
    std::string database;  ///< "ok", or what SQLite's integrity check said first
    bool audited = true;   ///< whether this verification could leave its own entry
    /// No finding of severity error.
    [[nodiscard]] CUSTODY_API bool ok() const noexcept;
};

/// One line of `doctor`.
struct DoctorCheck {
    std::string name;
    Finding::Severity severity;  ///< note: fine
    std::string message;
    std::string next_command;  ///< what to run next; empty where nothing is to be done
};

struct SnapshotOptions {
    bool include_text = true;  ///< false: without the free texts (metadata, file names, messages, reasons)
};

/// Bounds of a reviewer's query.
struct SqlOptions {
    std::chrono::milliseconds time_limit{30000};
    std::size_t max_rows = 0;  ///< 0: all
};

/// What a query answered; a cell is null, integer, real or text (blobs as hex).
struct SqlResult {
    std::vector<std::string> columns;
    std::vector<std::vector<json>> rows;
    bool truncated = false;
};

[[nodiscard]] CUSTODY_API ordered_json to_json(const CleanupReport& report);
[[nodiscard]] CUSTODY_API ordered_json to_json(const Hold& hold);
[[nodiscard]] CUSTODY_API ordered_json to_json(const Statistics& statistics);
[[nodiscard]] CUSTODY_API ordered_json to_json(const Finding& finding);
[[nodiscard]] CUSTODY_API ordered_json to_json(const VerifyReport& report);
[[nodiscard]] CUSTODY_API ordered_json to_json(const DoctorCheck& check);

}  // namespace custody
