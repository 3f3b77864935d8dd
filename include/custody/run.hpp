#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <custody/artifact.hpp>

namespace custody {

class ManagerImpl;

/// Options of start_processing_run.
struct RunOptions {
    /// Who the run is done for and why, where it differs from the manager's.
    std::string on_behalf_of{};
    std::string purpose{};
    /// Not tied to this process: the run ends as lost when this time has passed. For runs that several
    /// commands of a shell script share. Zero: tied to this process, and lost when it dies.
    std::chrono::seconds time_to_live{0};
    /// Audited override: a configuration that the guard knows as PHI.
    bool allow_phi_metadata = false;
};

/// A run as the store has it.
struct RunRecord {
    RunId id;
    ArtifactStatus status;  ///< in_progress, completed or failed
    Timestamp started_at;
    std::optional<Timestamp> ended_at;
    std::string end_reason;          ///< "" while it goes on; else ended, abandoned (left scope), lost (process died), expired
    std::string configuration_text;  ///< a JSON object, as it was given
    std::string user;                ///< the actor that started it
    std::optional<std::string> on_behalf_of;
    std::optional<std::string> purpose;
    std::optional<std::string> error_message;
    std::vector<ArtifactId> inputs;   ///< artifacts from elsewhere that its outputs were made from
    std::vector<ArtifactId> outputs;  ///< artifacts that were created in it
    std::vector<std::string> errors;  ///< messages of what failed in it, oldest first

    [[nodiscard]] json configuration() const { return json::parse(configuration_text); }
};

/// Which runs to list; newest first.
struct RunQuery {
    std::optional<ArtifactStatus> status{};
    std::optional<Timestamp> since{};
    std::optional<Timestamp> until{};
    std::size_t limit = 0;  ///< 0: all
};

/// A handle on a run that this process started. Runs are independent of one another; a thread's artifacts join
/// the innermost one that it started, unless `NewArtifact::run` says otherwise. A handle that goes out of scope
/// before end() ends its run as failed. It may be ended from any thread; the manager must outlive it.
class CUSTODY_API Run {
   public:
    Run(Run&&) noexcept;
    Run& operator=(Run&&) noexcept;
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run();

    [[nodiscard]] const RunId& id() const noexcept { return id_; }
    [[nodiscard]] bool ended() const noexcept { return !manager_; }

    /// Ends the run: completed or failed. @throws InvalidArgument for another status; InvalidState
    /// where it has ended already; Busy, IoError (the run then still goes on).
    void end(ArtifactStatus status = ArtifactStatus::completed, const std::string& error_message = {});

    /// Leaves the run going on; end it later by its id. For a run with a time to live.
    void detach() noexcept;

   private:
    friend class ArtifactManager;
    Run(std::shared_ptr<ManagerImpl> manager, RunId id) noexcept;
    void abandon() noexcept;
    std::shared_ptr<ManagerImpl> manager_;
    RunId id_;
};

/// JSON with run_id, status, started_at, ended_at, end_reason, configuration, user, on_behalf_of, purpose, error_message,
/// input_artifacts, output_artifacts, error_messages.
[[nodiscard]] CUSTODY_API ordered_json to_json(const RunRecord& run);

}  // namespace custody
