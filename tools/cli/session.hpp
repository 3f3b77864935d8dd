#pragma once

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>

#include <custody/artifact_manager.hpp>

namespace custody::cli {

/// What the command answers its caller. Public: scripts depend on these numbers. 128 + signal where one has ended it.
enum ExitCode : int {
    exit_done = 0,
    exit_failed = 1,
    exit_usage = 2,
    exit_partial = 3,
    exit_not_found = 4,
    exit_no_store = 10,
    exit_locked = 11,
    exit_altered = 20,
};

/// The command line itself is wrong: exit code 2.
class UsageError : public std::runtime_error {
   public:
    using std::runtime_error::runtime_error;
};

/// One run of the command: the global options, and what the chosen verb does.
struct Session {
    std::string store{};  ///< as given by --store or CUSTODY_STORE
    std::string actor{};
    std::string on_behalf_of{};
    std::string purpose{};
    std::string signing_key{};  ///< a file
    bool accept_clock = false;
    std::chrono::milliseconds lock_timeout{30000};
    bool json_output = false;
    bool quiet = false;
    std::function<int()> action{};

    /// @throws UsageError where no store is named.
    [[nodiscard]] std::filesystem::path store_path() const;
    /// Never makes a store: only `init` does.
    [[nodiscard]] ManagerOptions manager_options() const;
    [[nodiscard]] ArtifactManager open() const;
    /// For a second look at what has its entry already: one command is one operation. Such reads leave none.
    [[nodiscard]] ArtifactManager open_unrecorded() const;
    /// For gc: leaves what dead processes left to it, and opens on a full disk too.
    [[nodiscard]] ArtifactManager open_to_collect() const;
    /// Opens also what is altered or read-only, for verify, doctor and backup alone.
    [[nodiscard]] ArtifactManager open_for_diagnosis() const;
    /// A message for people, on stderr unless --quiet.
    void say(const std::string& message) const;
    /// The end of a change that stays done: `form` as JSON on stdout with --json, else `done` as a message. Answers the exit
    /// code.
    [[nodiscard]] int tell_done(const std::string& done, const std::function<ordered_json()>& form) const;
};

/// Runs `work`, prints what it throws as a message on stderr, and answers the exit code.
int guarded(const std::function<int()>& work);

}  // namespace custody::cli
