#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <custody/artifact.hpp>
#include <custody/audit.hpp>
#include <custody/audit_proof.hpp>
#include <custody/error.hpp>
#include <custody/lineage.hpp>
#include <custody/maintenance.hpp>
#include <custody/original.hpp>
#include <custody/payload.hpp>
#include <custody/run.hpp>

namespace custody {

/// The version of the library, "0.1.0".
[[nodiscard]] CUSTODY_API const char* version() noexcept;

/// The programs and libraries of this process that have a SQLite inside, by path. More than one is dangerous: two copies don't
/// know of each other's locks, and where one opens and closes the catalog, those of the other are gone. Takes some milliseconds.
[[nodiscard]] CUSTODY_API std::vector<std::string> engines_in_process();

/// How to make a store.
struct InitOptions {
    bool group = false;                ///< open to the group: folders 2770, files 0660, payloads 0440
    std::filesystem::path payloads{};  ///< keep blobs/ and trash/ in this folder, on another disk or a network file system
    bool phi_guard = true;             ///< false for fields of work where no metadata is protected
};

/// How to open a store.
struct ManagerOptions {
    std::string actor{};  ///< who acts; else the operating system's account
    std::string on_behalf_of{};
    std::string purpose{};
    std::string program{};      ///< else the name of this program
    bool enable_audit = true;   ///< false drops the entries of reads; changes always write theirs
    bool auto_cleanup = false;  ///< empty this process's temp folder whenever a run ends
    bool create = true;         ///< make the store on first use
    bool upgrade = false;       ///< migrate an older store (a copy of the database is kept)
    bool accept_clock = false;  ///< audited override: a clock that jumped a day or more ahead is right
    /// Opened to collect garbage: what opening would remove is left to collect_garbage(), and a full disk's reserve may be used.
    bool collecting = false;
    bool diagnose = false;  ///< open an altered or read-only store for verify(), doctor() and backup() alone
    std::chrono::milliseconds lock_timeout{30000};  ///< how long a write waits for other processes
    /// Asked some fifty times a second, by whichever thread waits for another writer, whether to wait no longer (a user has
    /// pressed Ctrl-C, say); true ends that as the timeout does: Busy, nothing changed. To stay true until the call has returned.
    std::function<bool()> stop_waiting{};
    std::size_t metadata_limit_bytes = 65536;
    std::size_t metadata_limit_depth = 64;
    std::filesystem::path signing_key{};   ///< a key that the store has recorded, to seal and export with
    std::uint64_t seal_every_entries = 0;  ///< seal when so many entries are unsealed; 0: never by count
    std::chrono::seconds seal_every{0};    ///< seal when the last seal is so old and there are new entries; 0: never
    bool group_reads = true;               ///< entries of reads wait up to a second for the next change
    InitOptions init{};                    ///< used where `create` makes the store
};

/// Who acts, for whom and why, where that differs from what the manager or the run says. Empty members change nothing.
struct Attribution {
    std::string actor{};
    std::string on_behalf_of{};
    std::string purpose{};
};

/// What `init` did.
enum class InitResult { created, already_there };

/// A store and everything that is done with it. May be used from many threads at once, and by many
/// processes on one store. After fork(), a child opens its own, and the parent calls suspend() before it: this one throws
/// InvalidState there.
///
/// Every call is one transaction and leaves one audit entry, failed ones too. All of them may throw
/// Busy (deadline passed, nothing changed), IoError, Corruption and InvalidState; the rest is said at each.
class CUSTODY_API ArtifactManager {
   public:
    /// Opens (or makes) the store below `base`, and ends the runs of dead processes.
    /// @throws StoreNotFound where there is none and `create` is off; VersionMismatch; SchemaAltered;
    /// Error where the database is not ours; InvalidArgument for a network file system; Conflict where the payload folder says
    /// that it is another store's.
    explicit ArtifactManager(const std::filesystem::path& base, ManagerOptions options = {});
    ArtifactManager(ArtifactManager&&) noexcept;
    ArtifactManager& operator=(ArtifactManager&&) noexcept;
    ~ArtifactManager();

    /// Makes a store; on one that is there, does nothing. @throws InvalidArgument (also for a payload folder
    /// that is another store's or not empty), IoError
    static InitResult init(const std::filesystem::path& base, const InitOptions& options = {},
                           const ManagerOptions& opened_by = {});
    /// Brings an older store to this version; answers how many migrations were applied. The database is copied
    /// first, beside itself. @throws StoreNotFound, VersionMismatch (newer), SchemaAltered
    static int migrate(const std::filesystem::path& base, const ManagerOptions& opened_by = {});

    /// Makes a store in a folder that is empty or missing, from a backup or from the copy of a store's folder. Everything is
    /// verified before the store is there. It begins a new epoch, whose first entry names the head that was left and why; the key
    /// in use is recorded for it. @throws StoreNotFound where the source is neither; InvalidArgument without a reason, for a
    /// folder that is not empty; Corruption where the source is damaged or altered, or payloads are missing and that was not
    /// accepted; VersionMismatch, IoError. Nothing is left behind.
    static RestoreReport restore(const std::filesystem::path& source, const std::filesystem::path& destination,
                                 const RestoreOptions& options, const ManagerOptions& opened_by = {});

    /// The same open store in somebody else's name: for one call, or for as long as one likes.
    /// `manager.acting({.actor = "anna", .purpose = "audit 7"}).get_artifact_file(id)` @throws InvalidArgument
    [[nodiscard]] ArtifactManager acting(const Attribution& attribution) const;

    /// Closes the catalog until resume(), so that a child of fork() inherits none that is open: SQLite in the child would take
    /// the parent's locks for its own. Runs, views and the rest of the manager stay as they are; calls in between throw
    /// InvalidState. No other call may be going on. @throws Busy, IoError (nothing was closed then)
    void suspend();
    /// Opens the catalog again. @throws as the constructor
    void resume();

    /// For bindings to other languages: what a caller there gave for `call` ("create_artifact") can't even be said in this
    /// interface, such as a text that is no id. Leaves the entry that the call would have left: not_found for an id, refused for
    /// the rest.
    /// @throws InvalidArgument for a call that is not known
    void record_misuse(std::string_view call, const std::string& message, bool unknown_id = false);

    [[nodiscard]] const std::filesystem::path& base_path() const noexcept;
    [[nodiscard]] const std::filesystem::path& storage_path() const noexcept;

    // ---- Runs ----
    /// @throws InvalidArgument where the configuration is no object or too large; Refused for PHI in it.
    [[nodiscard]] Run start_processing_run(const json& configuration = json::object(), const RunOptions& options = {});
    /// The same with the configuration's JSON text, kept as it is given.
    [[nodiscard]] Run start_processing_run_text(const std::string& configuration_text, const RunOptions& options = {});
    /// Ends a run by its id. @throws NotFound, Conflict where it has ended, InvalidArgument
    void end_processing_run(const RunId& run, ArtifactStatus status = ArtifactStatus::completed,
                            const std::string& error_message = {});
    /// The innermost unended run that this thread started on this manager.
    [[nodiscard]] std::optional<RunId> current_run() const;
    [[nodiscard]] std::optional<RunRecord> get_run(const RunId& run);
    [[nodiscard]] std::vector<RunRecord> list_runs(const RunQuery& query = {});

    // ---- Artifacts ----
    /// @throws SourceNotFound, SourceIsDirectory, IoError for the source; InvalidArgument (symbolic link, malformed
    /// metadata, unregistered type, self-contradicting options); NotFound for a source artifact or run; Refused (a de-identified
    /// type with the bytes of any identified artifact of the store, linked or not; PHI in metadata); Conflict (request key,
    /// ended run). Nothing is left behind.
    [[nodiscard]] Artifact create_artifact(const NewArtifact& artifact);
    /// Many in one transaction, all or none; one entry each. Answers in the given order. Files are brought in on all cores, eight
    /// and more with one sync of their file system, which also waits for what others have written there. Sources must stay as
    /// they are until it returns.
    [[nodiscard]] std::vector<Artifact> create_artifacts(std::span<const NewArtifact> artifacts, const Progress& progress = {});
    /// nullopt for an unknown id.
    [[nodiscard]] std::optional<Artifact> get_artifact(const ArtifactId& id);
    [[nodiscard]] std::vector<Artifact> list_artifacts(const ArtifactQuery& query = {});  ///< @throws NotFound for `run`, `after`
    /// Recovery (any change but to failed) clears the error message; one past 64 KiB is cut, as that of a run is. @throws
    /// NotFound; Conflict for a transition that the table does not have; InvalidArgument for an error message with a status other
    /// than failed.
    Artifact update_artifact_status(const ArtifactId& id, ArtifactStatus status, const std::string& error_message = {});

    // ---- Lineage ----
    /// Answers how many links are new. @throws NotFound; Conflict where a link would close a cycle (named in the
    /// message) or join an artifact to itself; InvalidArgument; Refused where the output is of a de-identified
    /// type and its payload is the identified source's, unless `allow_identified_release` says that this is meant.
    std::size_t link_artifacts(const NewLink& link);
    /// nullopt for an unknown id.
    [[nodiscard]] std::optional<Lineage> get_artifact_lineage(const ArtifactId& id, const LineageOptions& options = {});

    // ---- Payloads: the entry is committed before anything is handed out ----
    /// The payload's absolute path below `artifacts/`, with its own name and extension. Size and time are compared with
    /// what was recorded, and the content hashed again where they differ (`verify`: always). nullopt for an unknown id and for an
    /// artifact without a payload or with a removed one. @throws Corruption where the payload is missing or altered.
    [[nodiscard]] std::optional<std::filesystem::path> get_artifact_file(const ArtifactId& id, bool verify = false);
    /// @throws NotFound; Conflict where it has no payload (any more); Corruption
    [[nodiscard]] PayloadStream open_payload(const ArtifactId& id);
    /// A copy, hashed on the way; `destination` may be a folder, and is never overwritten. Answers the file made.
    /// `progress` is told of bytes. @throws as open_payload; InvalidArgument for a place in the store's storage/; IoError
    std::filesystem::path checkout(const ArtifactId& id, const std::filesystem::path& destination, const Progress& progress = {});

    // ---- Types ----
    /// Registering a type again with the same sensitivity does nothing. @throws Conflict with another one
    void register_artifact_type(const ArtifactType& type, Sensitivity sensitivity);
    [[nodiscard]] std::vector<ArtifactTypeInfo> artifact_types();

    // ---- Holds and cleanup ----
    /// @throws NotFound; InvalidArgument without a reason
    Hold add_hold(const ArtifactId& id, const std::string& reason);
    /// Lifts every hold on the artifact, or the one of that number; answers how many. @throws NotFound where the artifact is
    /// unknown or not on hold
    std::size_t remove_hold(const ArtifactId& id, const std::string& reason = {},
                            const std::optional<std::int64_t>& hold_id = {});
    [[nodiscard]] std::vector<Hold> list_holds();
    /// Removes payloads of old artifacts; record, links and trail stay. Kept, with the reason: artifacts on hold, in use by an
    /// unfinished run, or with a dependent that is pending, in progress or failed. @throws InvalidArgument for negative days
    CleanupReport cleanup_old_artifacts(const CleanupOptions& options = {});
    /// Applies the retention policies; moves payloads that nothing refers to (an interrupted create or cleanup leaves such) to
    /// trash/; frees what has been there for its grace period, and what dead processes left. Holds and unfinished runs keep a
    /// payload from every policy. Safe beside creates of the same content. On a full disk, what can be freed without a write goes
    /// first.
    /// @throws InvalidArgument for a negative grace period
    GcReport collect_garbage(const GcOptions& options = {});

    // ---- Retention ----
    /// Sets the type's policy, in place of the one that it has. @throws InvalidArgument for an unregistered type or negative days
    RetentionPolicy set_retention(const ArtifactType& type, const RetentionRule& rule);
    /// @throws NotFound where the type has none
    void remove_retention(const ArtifactType& type, const std::string& reason = {});
    [[nodiscard]] std::vector<RetentionPolicy> list_retention();

    // ---- Temporary files ----
    /// Empties this process's temp folder and removes those of dead processes; answers how many files and folders went.
    std::size_t cleanup_temp();
    /// This process's own scratch folder, made on first use and removed with the manager.
    [[nodiscard]] std::filesystem::path temp_folder();

    // ---- The original system's stores ----
    /// Brings a store of the original over: artifacts under their ids and times, payloads verified against their checksums,
    /// links, runs as far as they are told of, and every entry of its audit files, as it was and in its order. What was put right
    /// and what stays behind is in the report. Many transactions, each whole: where it is interrupted, the same call again goes
    /// on, and what is there already is not brought in twice. @throws InvalidArgument where `folder` is no such store or the zone
    /// is none; IoError
    ImportReport import_original(const std::filesystem::path& folder, const OriginalImport& options = {});
    /// What an import into a new store would do; nothing is changed anywhere. @throws as import_original
    [[nodiscard]] static ImportReport examine_original(const std::filesystem::path& folder, const OriginalImport& options = {});

    /// Writes the store as a tree of the original's, which its own code can read, to a folder that is empty or missing:
    /// artifacts, payloads, links, runs, and the entries of operations that the original has, imported ones as they were. It
    /// appears whole or not at all, and is the same each time. Each payload's entry is committed before it is written there.
    /// @throws InvalidArgument for a folder in the store or that is not empty, and for a zone that is none; Corruption where a
    /// payload is missing or altered; IoError
    ExportReport export_original(const std::filesystem::path& folder, const OriginalExport& options = {});

    // ---- Insight ----
    [[nodiscard]] Statistics get_statistics();
    [[nodiscard]] AuditTrail audit();
    /// Never throws for what it finds: that is in the report.
    [[nodiscard]] VerifyReport verify(const VerifyOptions& options = {});
    /// Verifies, puts right what can be put right without losing anything, and verifies again: the schema's guards, views and
    /// indexes, counters, payloads of which `from` has the content, orphan payloads (to trash/), named links. Nothing where the
    /// catalog and its trail don't agree: the report says so. Each kind of repair has its entry. @throws Busy, IoError;
    /// Corruption where a table of the schema itself was altered
    RepairReport repair(const RepairOptions& options = {});
    [[nodiscard]] std::vector<DoctorCheck> doctor();
    /// Copies the store into a folder of its own, outside of the store, while others go on writing: the catalog as of one moment,
    /// and what the folder does not have yet of the payloads that it names, each hashed while it is copied. The copied
    /// catalog is verified and takes its place at the end; until then, and where it is found damaged, the backup before it stays.
    /// What is lost or altered is in the report. @throws InvalidArgument for a folder in the store, or that is not empty and no
    /// backup of this store; IoError
    BackupReport backup(const std::filesystem::path& folder, const BackupOptions& options = {});
    /// Writes one self-contained database for a reviewer to `output` (which must not exist), with the checkpoint of its own trail
    /// where there is a signing key. @throws IoError; InvalidArgument for a path in the store's storage/, and a key that isn't
    /// the store's
    std::filesystem::path snapshot(const std::filesystem::path& output, const SnapshotOptions& options = {});
    /// One read-only SELECT. @throws InvalidArgument for anything else, or past the time limit
    [[nodiscard]] SqlResult sql(const std::string& query, const SqlOptions& options = {});

   private:
    explicit ArtifactManager(std::shared_ptr<ManagerImpl> impl) noexcept : impl_(std::move(impl)) {}
    std::shared_ptr<ManagerImpl> impl_;
};

}  // namespace custody
