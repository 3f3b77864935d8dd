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

class ManagerImpl;

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
    /// Writes `audit_YYYYMM.jsonl` for a month ("2026-10"), or for every month so far where it is empty, into `folder`
    /// (default: the store's `audit/`), and answers their paths. A month's file replaces its former version.
    /// @throws InvalidArgument (no such month, a folder in the store's storage/), IoError, Busy
    std::vector<std::filesystem::path> export_months(const std::string& month = {}, std::filesystem::path folder = {},
                                                     std::optional<std::int64_t> to_seq = {}, const Progress& progress = {});

   private:
    friend class ArtifactManager;
    explicit AuditTrail(std::shared_ptr<ManagerImpl> manager) noexcept : manager_(std::move(manager)) {}
    std::shared_ptr<ManagerImpl> manager_;
};

[[nodiscard]] CUSTODY_API ordered_json to_json(const ErrorSummary& summary);

}  // namespace custody
