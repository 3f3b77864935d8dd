#pragma once

#include <cstdint>
#include <custody/run.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/commitment.hpp"
#include "base/process.hpp"
#include "catalog/artifacts.hpp"

namespace custody::sqlite {
class Connection;
}

namespace custody::catalog {

using RunKey = std::int64_t;

struct RunRow {
    RunId id;
    Timestamp started_at;
    std::string user;
    std::optional<std::string> on_behalf_of;
    std::optional<std::string> purpose;
    std::string configuration;
    base::Salt configuration_salt;
    std::string host;
    std::optional<base::ProcessIdentity> owner;  ///< this or `expires_at`
    std::optional<Timestamp> expires_at;
};

void insert_run(sqlite::Connection& connection, const RunRow& row);
std::optional<RunKey> find_run_key(sqlite::Connection& connection, const RunId& id);
std::optional<ArtifactStatus> run_status(sqlite::Connection& connection, RunKey key);
void end_run(sqlite::Connection& connection, RunKey key, ArtifactStatus status, const char* end_reason, const Timestamp& ended_at,
             const std::optional<std::string>& error_message);

std::optional<RunRecord> find_run(sqlite::Connection& connection, const RunId& id);
std::vector<RunRecord> list_runs(sqlite::Connection& connection, const RunQuery& query);

/// The run's output, and as its inputs those sources that it did not make itself.
void add_output(sqlite::Connection& connection, RunKey run, ArtifactKey artifact);
void add_input(sqlite::Connection& connection, RunKey run, ArtifactKey artifact);

/// An unfinished run and whoever has to end it.
struct OpenRun {
    RunKey key;
    RunId id;
    std::optional<base::ProcessIdentity> owner;
    std::optional<Timestamp> expires_at;
};
std::vector<OpenRun> open_runs(sqlite::Connection& connection);

/// Who acts in a run, where that was said at its start.
struct RunContext {
    std::optional<std::string> on_behalf_of;
    std::optional<std::string> purpose;
};
RunContext run_context(sqlite::Connection& connection, RunKey key);

}  // namespace custody::catalog
