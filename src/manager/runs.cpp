// Runs: started, joined, ended; and ended for those who can't any more.

#include <custody/artifact_manager.hpp>

#include "manager/manager_impl.hpp"

namespace custody {

namespace {

constexpr auto longest_time_to_live = std::chrono::hours(24 * 366);

std::optional<std::string> own_or(const std::string& own, const std::optional<std::string>& other) {
    return own.empty() ? other : std::optional(own);
}

json owner_details(const base::ProcessIdentity& owner) {
    return {{"boot_id", owner.boot_id},
            {"pid_namespace", owner.pid_namespace},
            {"pid", owner.pid},
            {"pid_started_ticks", owner.started_ticks}};
}

}  // namespace

Run::Run(std::shared_ptr<ManagerImpl> manager, RunId id) noexcept : manager_(std::move(manager)), id_(id) {}
Run::Run(Run&&) noexcept = default;

Run& Run::operator=(Run&& other) noexcept {
    if (this != &other) {
        abandon();
        manager_ = std::move(other.manager_);
        id_ = other.id_;
    }
    return *this;
}

Run::~Run() { abandon(); }

void Run::abandon() noexcept {
    if (!manager_) return;
    try {
        manager_->end_run(id_, ArtifactStatus::failed, "abandoned", "the run went out of scope before it was ended");
    } catch (const std::exception&) {
        // A destructor can't tell. The run still goes on; it ends as lost when this process is gone.
    }
    manager_->pop_run(id_);
    manager_.reset();
}

void Run::end(ArtifactStatus status, const std::string& error_message) {
    if (!manager_) throw InvalidState("this run has ended already");
    manager_->end_run(id_, status, "ended", error_message);
    manager_->pop_run(id_);
    manager_.reset();
}

void Run::detach() noexcept {
    if (manager_) manager_->pop_run(id_);
    manager_.reset();
}

Run ArtifactManager::start_processing_run(const json& configuration, const RunOptions& options) {
    auto draft = impl_->draft("processing_run", "start");
    const auto text = impl_->attempt(
        draft, [&] { return impl_->checked_object(configuration, {}, "configuration", options.allow_phi_metadata, draft); });
    return start_processing_run_text(text, options);
}

Run ArtifactManager::start_processing_run_text(const std::string& configuration_text, const RunOptions& options) {
    auto draft = impl_->draft("processing_run", "start");
    const auto text = impl_->attempt(draft, [&] {
        if (options.time_to_live.count() < 0 || options.time_to_live > longest_time_to_live) {
            throw InvalidArgument("a run's time to live is between 1 second and 366 days");
        }
        manager::require_text(options.on_behalf_of, "on_behalf_of", 255);
        manager::require_text(options.purpose, "the purpose", 1024);
        return impl_->checked_object({}, configuration_text, "configuration", options.allow_phi_metadata, draft);
    });
    draft.on_behalf_of = own_or(options.on_behalf_of, draft.on_behalf_of);
    draft.purpose = own_or(options.purpose, draft.purpose);
    const auto id = RunId::random();
    draft.run_id = id.str();
    impl_->change(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder&) {
        const auto now = Timestamp::now();
        catalog::RunRow row{id,
                            now,
                            impl_->user(),
                            draft.on_behalf_of,
                            draft.purpose,
                            text,
                            base::random_salt(),
                            impl_->agent().host,
                            std::nullopt,
                            std::nullopt};
        if (options.time_to_live.count() > 0) {
            row.expires_at = Timestamp(now.time() + options.time_to_live);
        } else {
            row.owner = base::current_process();
        }
        catalog::insert_run(connection, row);
        draft.timestamp = now;
        draft.row_salts["configuration"] = row.configuration_salt;
        draft.details["configuration"] = text;
        draft.details["status"] = "in_progress";
        draft.details["expires_at"] = row.expires_at ? json(row.expires_at->str()) : json(nullptr);
        draft.details["owner"] = row.owner ? owner_details(*row.owner) : json(nullptr);
    });
    impl_->push_run(id, {draft.on_behalf_of, draft.purpose});
    return {impl_, id};
}

void ArtifactManager::end_processing_run(const RunId& run, ArtifactStatus status, const std::string& error_message) {
    impl_->end_run(run, status, "ended", error_message);
    impl_->pop_run(run);
}

std::optional<RunId> ArtifactManager::current_run() const { return impl_->innermost_run(); }

std::optional<RunRecord> ArtifactManager::get_run(const RunId& run) {
    auto draft = impl_->draft("processing_run", "get");
    draft.run_id = run.str();
    std::optional<RunRecord> found;
    impl_->look(draft, [&](sqlite::Connection& connection) {
        found = catalog::find_run(connection, run);
        draft.outcome = found ? Outcome::done : Outcome::not_found;
    });
    return found;
}

std::vector<RunRecord> ArtifactManager::list_runs(const RunQuery& query) {
    auto draft = impl_->draft("processing_run", "list");
    std::vector<RunRecord> runs;
    impl_->look(draft, [&](sqlite::Connection& connection) {
        runs = catalog::list_runs(connection, query);
        draft.details["result_count"] = runs.size();
    });
    return runs;
}

void ManagerImpl::end_run(const RunId& run, ArtifactStatus status, const char* reason, const std::string& error_message) {
    auto entry = draft("processing_run", "end");
    entry.run_id = run.str();
    const auto message = clean_failure(error_message);
    change(entry, [&](sqlite::Connection& connection, Recorder&) {
        if (status != ArtifactStatus::completed && status != ArtifactStatus::failed) {
            throw InvalidArgument("a run ends as completed or failed, not as " + std::string(to_string(status)));
        }
        if (status == ArtifactStatus::completed && !message.empty()) {
            throw InvalidArgument("a run that completed has no error message");
        }
        const auto key = catalog::find_run_key(connection, run);
        if (!key) throw NotFound("there is no run " + run.str());
        const auto before = catalog::run_status(connection, *key);
        if (before != ArtifactStatus::in_progress) {
            throw Conflict("run " + run.str() + " has ended already, as " + std::string(to_string(*before)));
        }
        const auto context = catalog::run_context(connection, *key);
        attribute(entry, context);
        const auto now = Timestamp::now();
        catalog::end_run(connection, *key, status, reason, now, message.empty() ? std::nullopt : std::optional(message));
        entry.timestamp = now;
        entry.success = status == ArtifactStatus::completed;
        entry.details = {{"old_status", "in_progress"},
                         {"new_status", to_string(status)},
                         {"end_reason", reason},
                         {"error_message", message.empty() ? json(nullptr) : json(message)}};
    });
    if (options_.auto_cleanup) empty_temp(false);
}

void ManagerImpl::end_dead_runs() {
    std::vector<std::pair<catalog::OpenRun, const char*>> dead;
    const auto find_dead = [&](sqlite::Connection& connection) {
        dead.clear();
        const auto now = Timestamp::now();
        for (auto& run : catalog::open_runs(connection)) {
            if (run.expires_at && *run.expires_at <= now) dead.emplace_back(run, "expired");
            if (run.owner && base::is_gone(*run.owner)) dead.emplace_back(run, "lost");
        }
    };
    database().read(find_dead);
    if (dead.empty()) return;
    auto entry = draft("processing_run", "lost");
    change_many(entry, [&](sqlite::Connection& connection, Recorder& recorder) {
        find_dead(connection);  // another opener may have been first
        for (const auto& [run, reason] : dead) {
            const auto now = Timestamp::now();
            const std::string message = std::string(reason) == "lost" ? "lost: the process of this run is gone"
                                                                      : "lost: the run's time to live has passed";
            catalog::end_run(connection, run.key, ArtifactStatus::failed, reason, now, message);
            entry.run_id = run.id.str();
            entry.timestamp = now;
            entry.success = false;
            entry.details = {
                {"old_status", "in_progress"}, {"new_status", "failed"}, {"end_reason", reason}, {"error_message", message}};
            recorder.append(entry);
        }
    });
}

std::optional<catalog::RunKey> ManagerImpl::join_run(sqlite::Connection& connection, const std::optional<RunId>& run,
                                                     audit::Draft& entry) const {
    const auto joined = run ? run : innermost_run();
    if (!joined) return std::nullopt;
    entry.run_id = joined->str();
    const auto key = catalog::find_run_key(connection, *joined);
    if (!key) throw NotFound("there is no run " + joined->str());
    const auto status = catalog::run_status(connection, *key);
    if (status != ArtifactStatus::in_progress) {
        throw Conflict("run " + joined->str() + " has ended, as " + std::string(to_string(*status)) + "; start another one");
    }
    const auto context = catalog::run_context(connection, *key);
    attribute(entry, context);
    return key;
}

}  // namespace custody
