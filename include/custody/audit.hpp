#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <custody/ids.hpp>
#include <custody/json.hpp>
#include <custody/time.hpp>
#include <custody/types.hpp>

namespace custody {

struct TrailReport;
struct TrailVerifyOptions;

class ManagerImpl;
namespace audit {
struct Month;
}

/// One audit entry, with the free texts put back in place of their commitments.
struct AuditEntry {
    std::int64_t seq;    ///< 1, 2, 3 … without gaps
    std::string line;    ///< the entry exactly as it is stored and hashed: canonical JSON (RFC 8785), texts as commitments
    ordered_json entry;  ///< the original's ten keys in its order, then seq, outcome, run_id, on_behalf_of, purpose, agent
};

/// Filters; empty ones filter nothing.
struct AuditQuery {
    std::optional<Timestamp> start_time{};  ///< at or after
    std::optional<Timestamp> end_time{};    ///< before
    std::string operation{};
    std::string action{};
    std::optional<ArtifactId> artifact_id{};
    std::optional<RunId> run_id{};
    std::string user{};
    std::string module{};
    std::optional<Outcome> outcome{};
    std::optional<bool> success{};
    bool errors_only = false;  ///< what failed, was refused, or was to change something that is not there
    std::size_t limit = 0;     ///< the newest so many; 0: all
};

/// What went wrong, summed up.
struct ErrorSummary {
    std::uint64_t total_errors = 0;
    std::map<std::string, std::uint64_t> errors_by_operation;
    std::map<std::string, std::uint64_t> errors_by_module;
    std::vector<std::string> unique_error_messages;
    std::optional<Timestamp> first;  ///< of the oldest error
    std::optional<Timestamp> last;
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"  // GCC 12 takes the enumerator `json` for one that hides custody::json
enum class ExportFormat { jsonl, json, csv };
#pragma GCC diagnostic pop

/// Called now and then during long work with what is done and how much there is (0: unknown). What it throws ends the work:
/// nothing half is left, and where it is one of custody's errors the failure has its entry.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// Which months to write, and how.
struct MonthExport {
    std::string first_month{};             ///< "2026-10"; empty: the first one there is
    std::string last_month{};              ///< empty: the running one
    std::filesystem::path folder{};        ///< else the store's `audit/`
    std::optional<std::int64_t> to_seq{};  ///< as if the trail ended with this entry
    std::filesystem::path signing_key{};   ///< signs the start and end of every month; else the manager's, if it has one
    Progress progress{};
};

/// A signed head of the trail.
struct Seal {
    std::uint64_t size;        ///< entries 1 to this one are covered
    std::string note;          ///< a C2SP tlog-checkpoint
    std::string verifier_key;  ///< checks it; C2SP form
};

/// What `redact` has done.
struct Redaction {
    struct Entry {
        std::int64_t seq;
        std::vector<std::string> pointers;  ///< where its texts stood
    };
    std::vector<Entry> withdrawn{};       ///< entries of which a text was withdrawn; empty: there was nothing left to withdraw
    std::vector<std::int64_t> also_in{};  ///< other entries that hold one of the same texts
    /// Why bytes of the texts may still be in files of the store: who reads the catalog's log, or which copy of it is there.
    /// Empty: they are gone. The same call again finishes the work.
    std::string held_by{};
    bool dry_run = false;
};

/// The audit trail of a manager's store; what `manager.audit()` gives. Valid as long as the manager.
class CUSTODY_API AuditTrail {
   public:
    /// The newest `limit` matching entries, oldest first. @throws Busy, IoError, Corruption
    [[nodiscard]] std::vector<AuditEntry> query_audit_trail(const AuditQuery& query = {});
    /// Everything that was done with an artifact, oldest first; empty for an unknown one.
    [[nodiscard]] std::vector<AuditEntry> get_artifact_history(const ArtifactId& artifact);
    /// @throws Busy, IoError
    [[nodiscard]] ErrorSummary get_error_summary(const AuditQuery& query = {});
    /// Writes the matching entries, oldest first, as one JSON array (indent 2), JSON Lines (stored lines with their texts
    /// and openings) or CSV with a header, and answers the path. The file appears whole or not at all, and never in the place
    /// of one that is there. @throws IoError (EEXIST where it is there), Busy; InvalidArgument for a path in the store's storage/
    std::filesystem::path export_audit_trail(const std::filesystem::path& output_path, ExportFormat format = ExportFormat::json,
                                             const AuditQuery& query = {}, const Progress& progress = {});
    /// Writes `audit_YYYYMM.jsonl` and `audit_YYYYMM.proof.json` for a range of months, each file whole or not at all, and
    /// answers the paths of the lines. A month whose files are there and still right is left as it is.
    /// @throws InvalidArgument, IoError, Busy
    std::vector<std::filesystem::path> export_months(const MonthExport& months = {});

    /// Makes a signing key in a new file (0600), which must lie outside of the store, records it, and answers its verifier
    /// key: give that to whoever is to check the trail, and keep a copy of the file. Where the store has a key already,
    /// `current_key` is its file, unless the manager was opened with it: the old key signs the name of the new one. Only where
    /// the old one `is_lost` nobody does, and whoever trusts the old one has to be told of the new one.
    /// @throws IoError (EEXIST: never overwritten), InvalidArgument
    std::string make_signing_key(const std::filesystem::path& file, const std::filesystem::path& current_key = {},
                                 bool is_lost = false);
    /// The same with a key that is there, such as another store's. @throws IoError, InvalidArgument, Conflict
    std::string add_signing_key(const std::filesystem::path& file, const std::filesystem::path& current_key = {},
                                bool is_lost = false);
    /// Signs the trail's head, its own entry included, and appends the note to `anchor` if one is given: a file elsewhere, out of
    /// the reach of whoever can change the store. @throws IoError; InvalidArgument, also where the anchor lies in the store, or
    /// holds something else than checkpoints; Corruption where the trail isn't the one that was signed before
    Seal seal(const std::filesystem::path& signing_key = {}, const std::filesystem::path& anchor = {});
    /// Every line, the tree over them, the texts, keys, checkpoints and guards. Never throws for what it finds.
    [[nodiscard]] TrailReport verify(const TrailVerifyOptions& options);
    /// The proof of one entry, as JSON that `verify_audit_files` checks alone; it discloses no other entry. It is signed where a
    /// checkpoint covers the entry, or can be made with this key. @throws NotFound
    std::string prove(std::int64_t seq, const std::filesystem::path& signing_key = {});
    /// The proofs of all entries about an artifact, as files entry_<seq>.proof.json in `folder`. @throws NotFound, IoError
    std::vector<std::filesystem::path> prove_history(const ArtifactId& artifact, const std::filesystem::path& folder,
                                                     const std::filesystem::path& signing_key = {});
    /// Withdraws free text from entries: the one at `pointer` (such as "/error_message"), or all. The lines, the tree and
    /// every proof stay as they are. Openings, columns and named links that hold the text go, and the catalog's file is
    /// rewritten, once for all of them. @throws NotFound; InvalidArgument without a reason, or for a pointer at which no text was
    Redaction redact(const std::vector<std::int64_t>& seqs, const std::string& pointer, const std::string& reason,
                     bool dry_run = false);
    /// Makes durable the entries of reads that are waiting to be written. @throws Busy, IoError
    void flush();

   private:
    friend class ArtifactManager;
    std::vector<std::filesystem::path> write_months(const std::vector<audit::Month>& months, const std::filesystem::path& folder,
                                                    const Progress& progress);
    explicit AuditTrail(std::shared_ptr<ManagerImpl> manager) noexcept : manager_(std::move(manager)) {}
    std::shared_ptr<ManagerImpl> manager_;
};

[[nodiscard]] CUSTODY_API ordered_json to_json(const ErrorSummary& summary);

}  // namespace custody
