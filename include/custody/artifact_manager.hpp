#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <custody/artifact.hpp>
#include <custody/audit.hpp>
#include <custody/audit_proof.hpp>
#include <custody/error.hpp>
#include <custody/lineage.hpp>
#include <custody/maintenance.hpp>
#include <custody/payload.hpp>
#include <custody/run.hpp>

namespace custody {

/// The version of the library, "0.1.0".
[[nodiscard]] CUSTODY_API const char* version() noexcept;

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
    std::string program{};                          ///< else the name of this program
    bool enable_audit = true;                       ///< false drops the entries of reads; changes always write theirs
    bool auto_cleanup = false;                      ///< empty this process's temp folder whenever a run ends
    bool create = true;                             ///< make the store on first use
    bool upgrade = false;                           ///< migrate an older store (a copy of the database is kept)
    bool accept_clock = false;                      ///< audited override: a clock that jumped a day or more ahead is right
    bool diagnose = false;                          ///< open an altered or read-only store for verify() and doctor() alone
    std::chrono::milliseconds lock_timeout{30000};  ///< how long a write waits for other processes
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
/// processes on one store. After fork(), a child opens its own: this one throws InvalidState there.
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

    /// The same open store in somebody else's name: for one call, or for as long as one likes.
    /// `manager.acting({.actor = "anna", .purpose = "audit 7"}).get_artifact_file(id)` @throws InvalidArgument
    [[nodiscard]] ArtifactManager acting(const Attribution& attribution) const;

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
    /// Many in one transaction, all or none; one entry each. Answers in the given order.
    [[nodiscard]] std::vector<Artifact> create_artifacts(std::span<const NewArtifact> artifacts, const Progress& progress = {});
    /// nullopt for an unknown id.
    [[nodiscard]] std::optional<Artifact> get_artifact(const ArtifactId& id);
    [[nodiscard]] std::vector<Artifact> list_artifacts(const ArtifactQuery& query = {});  ///< @throws NotFound for `run`, `after`
    /// Recovery (any change but to failed) clears the error message. @throws NotFound; Conflict for a transition that
    /// the table does not have; InvalidArgument for an error message with a status other than failed.
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
    /// @throws as open_payload; InvalidArgument for a place in the store's storage/; IoError
    std::filesystem::path checkout(const ArtifactId& id, const std::filesystem::path& destination);

    // ---- Types ----
    /// Registering a type again with the same sensitivity does nothing. @throws Conflict with another one
    void register_artifact_type(const ArtifactType& type, Sensitivity sensitivity);
    [[nodiscard]] std::vector<ArtifactTypeInfo> artifact_types();

    // ---- Holds and cleanup ----
    /// @throws NotFound; InvalidArgument without a reason
    Hold add_hold(const ArtifactId& id, const std::string& reason);
    /// Lifts every hold on the artifact; answers how many. @throws NotFound where the artifact is unknown or not on hold
    std::size_t remove_hold(const ArtifactId& id, const std::string& reason = {});
    [[nodiscard]] std::vector<Hold> list_holds();
    /// Removes payloads of old artifacts; record, links and trail stay. Kept, with the reason: artifacts on hold, in use by an
    /// unfinished run, or with a dependent that is pending, in progress or failed. @throws InvalidArgument for negative days
    CleanupReport cleanup_old_artifacts(const CleanupOptions& options = {});
    /// Empties this process's temp folder and removes those of dead processes; answers how many files and folders went.
    std::size_t cleanup_temp();
    /// This process's own scratch folder, made on first use and removed with the manager.
    [[nodiscard]] std::filesystem::path temp_folder();

    // ---- Insight ----
    [[nodiscard]] Statistics get_statistics();
    [[nodiscard]] AuditTrail audit();
    /// Never throws for what it finds: that is in the report.
    [[nodiscard]] VerifyReport verify(const VerifyOptions& options = {});
    [[nodiscard]] std::vector<DoctorCheck> doctor();
    /// Writes one self-contained database for a reviewer to `output` (which must not exist). @throws IoError;
    /// InvalidArgument for a path in the store's storage/
    std::filesystem::path snapshot(const std::filesystem::path& output, const SnapshotOptions& options = {});
    /// One read-only SELECT. @throws InvalidArgument for anything else, or past the time limit
    [[nodiscard]] SqlResult sql(const std::string& query, const SqlOptions& options = {});

   private:
    explicit ArtifactManager(std::shared_ptr<ManagerImpl> impl) noexcept : impl_(std::move(impl)) {}
    std::shared_ptr<ManagerImpl> impl_;
};

}  // namespace custody
