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
    std::string reason{};  ///< why; kept with each removal
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

/// How long payloads of a type are kept. `gc` applies the policies.
struct RetentionRule {
    int days = 0;  ///< since created_at; 0: no longer than to the next gc
    /// The payload goes only once every descendant, over any number of links, is completed or archived. Where there are none it
    /// goes by its age. Without this descendants don't count.
    bool when_descendants_completed = false;
    std::string reason{};
};

/// The rule that a type has.
struct RetentionPolicy {
    ArtifactType type;
    int days;
    bool when_descendants_completed;
    std::string reason;  ///< empty: none was given; "withdrawn": it was withdrawn
    std::string set_by;
    Timestamp set_at;
};

/// What gc does with what nothing needs; see `collect_garbage`.
struct GcOptions {
    /// How long a removed payload stays in trash/, for those who are just reading it. 0 frees everything at once.
    std::chrono::seconds grace{3600};
    std::string reason{};  ///< why; kept with each removal, beside that of the policy
    bool dry_run = false;  ///< says what would go and what wouldn't; changes nothing
    Progress progress{};   ///< items looked at
};

/// An artifact whose payload went under its type's policy.
struct RetiredArtifact {
    ArtifactId id;
    ArtifactType type;
    int days;  ///< of the policy
};

/// A file or folder that gc met.
struct GcItem {
    std::filesystem::path path;
    std::uint64_t size_bytes;
    std::string reason;  ///< why it went (or would), or why it stays
};

struct GcReport {
    std::vector<RetiredArtifact> removed;  ///< by the retention policies
    std::vector<KeptArtifact> kept;        ///< due by their policy, and kept
    std::vector<GcItem> collected;         ///< payloads that nothing refers to: moved to trash/
    std::vector<GcItem> freed;             ///< removed for good: from trash/, temp/ and the named links
    std::vector<GcItem> left;              ///< what stays for now, and what is nothing of ours
    std::uint64_t removed_bytes = 0;       ///< of the artifacts; more than what is collected where content is shared
    std::uint64_t collected_bytes = 0;
    std::uint64_t freed_bytes = 0;
    std::uint64_t failed = 0;  ///< how much of `left` should have gone, and couldn't be removed
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
    /// Of calls that failed or were refused, by the trail; only while audit is on. (A failed step of a run is in `by_status`.)
    std::optional<std::uint64_t> total_errors;
    std::map<std::string, std::uint64_t> errors_by_operation;
};

/// How much `verify` reads.
struct VerifyOptions {
    bool quick = false;             ///< presence and size of payloads only; no hashing
    double sample_percent = 100.0;  ///< hash only so many of the payloads, drawn at random
    bool resume = false;            ///< leave out what an interrupted verification has found good since it began
    unsigned threads = 0;           ///< that hash; 0: as many as there are processors
    Progress progress{};            ///< bytes hashed; called in the calling thread alone
};

struct VerifyReport {
    std::vector<Finding> findings;
    std::uint64_t artifacts = 0;
    std::uint64_t payloads = 0;
    std::uint64_t payloads_hashed = 0;
    std::uint64_t bytes_hashed = 0;
    std::uint64_t payloads_resumed = 0;  ///< not hashed, since the verification that was resumed has done so
    std::uint64_t audit_entries = 0;
    std::string trail_statement;  ///< what seals cover: "sealed to entry N, of time T, by key K …"
    std::string database;         ///< "ok", or what SQLite's integrity check said first
    bool audited = true;          ///< whether this verification could leave its own entry
    /// No finding of severity error.
    [[nodiscard]] CUSTODY_API bool ok() const noexcept;
};

/// What `repair` may do.
struct RepairOptions {
    std::filesystem::path from{};  ///< a folder to look in for content that is missing or damaged; empty: none
    bool dry_run = false;          ///< says what would be repaired; changes nothing
    unsigned threads = 0;          ///< as in VerifyOptions
    Progress progress{};           ///< of the verifications before and after
};

/// Something that was (or would be) put right.
struct Repair {
    std::string kind;     ///< schema, counters, payload, moved_source, orphan, link
    std::string subject;  ///< a difference of the schema, a checksum, a path
    std::string message;
};

struct RepairReport {
    std::vector<Repair> repairs;
    std::vector<Repair> failed;  ///< what couldn't be put right, and why; the rest was
    std::string refused;         ///< why nothing was repaired; empty where that isn't so
    VerifyReport before;
    VerifyReport after;  ///< the same as before where nothing was changed
    bool dry_run = false;
};

/// One line of `doctor`.
struct DoctorCheck {
    std::string name;
    Finding::Severity severity;  ///< note: fine
    std::string message;
    std::string next_command;  ///< what to run next; empty where nothing is to be done
};

struct SnapshotOptions {
    bool include_text = true;             ///< false: without the free texts (metadata, file names, messages, reasons)
    std::filesystem::path signing_key{};  ///< else the manager's; it signs the head of the trail that the snapshot has
};

/// How to back a store up.
struct BackupOptions {
    bool catalog_only = false;  ///< without the payloads
    bool rehash = false;        ///< hash the payloads that are in the backup already, and copy anew what went bad there
    Progress progress{};        ///< bytes copied. It must not write to the store: at last nobody may, where cleanups never pause
};

struct BackupReport {
    std::vector<Finding> findings;  ///< error: what is lost or altered in the store, or could not be copied
    bool complete = false;          ///< the backup in the folder is this one; else the one before it, if there was any
    std::string store_id;
    std::string epoch;
    std::uint64_t tree_size = 0;  ///< entries of the trail in the copied catalog
    std::optional<Digest> root;   ///< of the tree over them
    std::uint64_t payloads = 0;   ///< that the copied catalog names
    std::uint64_t payloads_copied = 0;
    std::uint64_t bytes_copied = 0;
    bool audited = false;  ///< whether the backup could leave its entry
    /// No finding of severity error.
    [[nodiscard]] CUSTODY_API bool ok() const noexcept;
};

/// How to make a store from a backup.
struct RestoreOptions {
    std::string reason{};              ///< why; kept in the audit trail
    std::filesystem::path payloads{};  ///< keep blobs/ and trash/ in this folder, as InitOptions::payloads
    bool accept_missing = false;       ///< restore although payloads are missing or damaged there
    Progress progress{};               ///< bytes of payloads restored
};

struct RestoreReport {
    std::vector<Finding> findings;  ///< warning: a payload that is not restored; note: what else is to be known
    std::string store_id;
    std::string epoch;       ///< the new one
    std::string left_epoch;  ///< the one that was left, and its head
    std::uint64_t left_size = 0;
    std::optional<Digest> left_root;
    std::uint64_t payloads = 0;  ///< restored
    std::uint64_t payloads_missing = 0;
    std::uint64_t bytes = 0;
};

/// Bounds of a reviewer's query.
struct SqlOptions {
    std::chrono::milliseconds time_limit{30000};
    std::size_t max_rows = 0;  ///< 0: all
    Progress progress{};       ///< rows so far, of an unknown number
};

/// What a query answered; a cell is null, integer, real or text (blobs as hex).
struct SqlResult {
    std::vector<std::string> columns;
    std::vector<std::vector<json>> rows;
    bool truncated = false;
};

[[nodiscard]] CUSTODY_API ordered_json to_json(const CleanupReport& report);
[[nodiscard]] CUSTODY_API ordered_json to_json(const RetentionPolicy& policy);
[[nodiscard]] CUSTODY_API ordered_json to_json(const GcReport& report);
[[nodiscard]] CUSTODY_API ordered_json to_json(const Hold& hold);
[[nodiscard]] CUSTODY_API ordered_json to_json(const Statistics& statistics);
[[nodiscard]] CUSTODY_API ordered_json to_json(const Finding& finding);
[[nodiscard]] CUSTODY_API ordered_json to_json(const VerifyReport& report);
[[nodiscard]] CUSTODY_API ordered_json to_json(const RepairReport& report);
[[nodiscard]] CUSTODY_API ordered_json to_json(const DoctorCheck& check);
[[nodiscard]] CUSTODY_API ordered_json to_json(const BackupReport& report);
[[nodiscard]] CUSTODY_API ordered_json to_json(const RestoreReport& report);

}  // namespace custody
