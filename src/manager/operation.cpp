// Where operations become transactions and audit entries: the only place that appends to the trail.

#include <algorithm>
#include <string_view>

#include "manager/manager_impl.hpp"

namespace custody {

namespace {

// More of what couldn't be recorded than this is only counted: the next entry must not grow without bound.
constexpr std::size_t unrecorded_limit = 100;

/// A foreign exception as one of custody's.
class Foreign : public Error {
   public:
    using Error::Error;
};

Outcome outcome_of(const Error& error) {
    if (dynamic_cast<const NotFound*>(&error) != nullptr) return Outcome::not_found;
    if (dynamic_cast<const Foreign*>(&error) != nullptr) return Outcome::failed;
    if (dynamic_cast<const IoError*>(&error) != nullptr || dynamic_cast<const Busy*>(&error) != nullptr ||
        dynamic_cast<const Corruption*>(&error) != nullptr) {
        return Outcome::failed;
    }
    return Outcome::refused;
}

// Looking for what is not there is no error; changing it is.
bool is_lookup(const audit::Draft& draft) { return draft.operation == "artifact_access" || draft.operation == "audit_access"; }

template <class Kind>
void throw_as(const Error& error, const std::string& message) {
    if (dynamic_cast<const Kind*>(&error) != nullptr) throw Kind(message);
}

template <class Kind>
void throw_io_as(const Error& error, const std::string& message) {
    if (const auto* io = dynamic_cast<const Kind*>(&error)) throw Kind(message, io->code());
}

}  // namespace

namespace manager {

void rethrow_with(const std::string& addition) {
    try {
        throw;
    } catch (const Error& error) {
        const auto message = error.what() + addition;
        if (const auto* refused = dynamic_cast<const Refused*>(&error)) throw Refused(message, refused->rule());
        throw_io_as<SourceNotFound>(error, message);  // the most special classes first
        throw_io_as<SourceIsDirectory>(error, message);
        throw_io_as<IoError>(error, message);
        throw_as<InvalidArgument>(error, message);
        throw_as<NotFound>(error, message);
        throw_as<Conflict>(error, message);
        throw_as<Busy>(error, message);
        throw_as<SchemaAltered>(error, message);
        throw_as<Corruption>(error, message);
        throw_as<StoreNotFound>(error, message);
        throw_as<VersionMismatch>(error, message);
        throw_as<InvalidState>(error, message);
        throw Error(message);
    }
}

}  // namespace manager

ManagerImpl::Recorder::Recorder(ManagerImpl& manager, sqlite::Connection& connection, audit::ClockJump jump)
    : manager_(manager), writer_(connection, manager.agent_, jump) {}

std::int64_t ManagerImpl::Recorder::append(const audit::Draft& draft) {
    json unrecorded;
    {
        const std::lock_guard lock(manager_.shared_->mutex);
        unrecorded = manager_.shared_->unrecorded;
    }
    if (unrecorded.empty()) return writer_.append(draft);
    auto telling = draft;  // what couldn't be written is told by the next entry that can be
    telling.details["unrecorded"] = unrecorded;
    return writer_.append(telling);
}

void ManagerImpl::transact(const std::function<void(sqlite::Connection&, Recorder&)>& body, sqlite::Grouping grouping) {
    transact(options_.accept_clock ? audit::ClockJump::accept : audit::ClockJump::refuse, grouping,
             sqlite::Waiting::may_be_stopped, body);
}

void ManagerImpl::transact(audit::ClockJump jump, sqlite::Grouping grouping, sqlite::Waiting waiting,
                           const std::function<void(sqlite::Connection&, Recorder&)>& body) {
    std::size_t told = 0;
    {
        const std::lock_guard lock(shared_->mutex);
        told = shared_->unrecorded.size();
    }
    auto reads_waiting = reads_or_none();
    try {
        const auto whole = [&, me = std::this_thread::get_id()](sqlite::Connection& connection) {
            const Serving serving(me);
            Recorder recorder(*this, connection, jump);
            for (const auto& read : reads_waiting) recorder.append(read);
            body(connection, recorder);
            if (jump != audit::ClockJump::correct) seal_if_due(connection, recorder);
            recorder.finish();
        };
        database().write(whole, grouping, waiting);
    } catch (const IoError&) {
        if (!reads_waiting.empty()) reads().put_back(std::move(reads_waiting), true);
        throw;
    } catch (...) {
        if (!reads_waiting.empty()) reads().put_back(std::move(reads_waiting), false);
        throw;
    }
    if (told == 0) return;
    const std::lock_guard lock(shared_->mutex);
    const auto count = std::min(told, shared_->unrecorded.size());
    shared_->unrecorded.erase(shared_->unrecorded.begin(), shared_->unrecorded.begin() + static_cast<std::ptrdiff_t>(count));
}

// Entries of reads that wait go with the next change.
std::vector<audit::Draft> ManagerImpl::reads_or_none() { return groups_reads() ? reads().take() : std::vector<audit::Draft>{}; }

void ManagerImpl::flush_reads() {
    const bool seals = options_.seal_every.count() != 0;
    if (groups_reads() && (seals || !reads().empty())) transact([](sqlite::Connection&, Recorder&) {});
}

void ManagerImpl::change_many(audit::Draft& draft, const std::function<void(sqlite::Connection&, Recorder&)>& body,
                              sqlite::Grouping grouping) {
    try {
        transact(body, grouping);
    } catch (const InvalidState&) {
        throw;  // a forked child's: nothing can be written through this manager
    } catch (const Error& error) {
        record_failure(draft, error, {});
        throw;
    } catch (const std::exception& error) {
        fail_foreign(error, [&](const Error& failure) { record_failure(draft, failure, {}); });
    }
}

void ManagerImpl::change(audit::Draft& draft, const std::function<void(sqlite::Connection&, Recorder&)>& body,
                         sqlite::Grouping grouping) {
    const auto with_entry = [&](sqlite::Connection& connection, Recorder& recorder) {
        body(connection, recorder);
        recorder.append(draft);
    };
    change_many(draft, with_entry, grouping);
}

void ManagerImpl::record(audit::Draft& draft) {
    transact([&](sqlite::Connection&, Recorder& recorder) { recorder.append(draft); }, sqlite::Grouping::joins);
}

void ManagerImpl::record_read(audit::Draft& draft, bool handing_out) {
    if (handing_out) return record(draft);
    if (!options_.enable_audit) return;
    database().require_same_process();
    const bool may_wait = options_.group_reads && groups_reads() && database().writable();
    if (!may_wait) return record(draft);
    draft.timestamp = Timestamp::now();
    auto waiting = draft;
    if (!reads().add(std::move(waiting))) record(draft);
}

void ManagerImpl::look(audit::Draft& draft, const std::function<void(sqlite::Connection&)>& body, bool handing_out) {
    try {
        database().read(body);
        record_read(draft, handing_out);
    } catch (const InvalidState&) {
        throw;
    } catch (const Error& error) {
        if (options_.enable_audit || handing_out) record_failure(draft, error, {});
        throw;
    } catch (const std::exception& error) {
        fail_foreign(error, [&](const Error& failure) {
            if (options_.enable_audit || handing_out) record_failure(draft, failure, {});
        });
    }
}

void ManagerImpl::remember_unrecorded(const audit::Draft& draft) {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->unrecorded.size() < unrecorded_limit) {
        json told = {{"timestamp", Timestamp::now().str()},
                     {"operation", draft.operation},
                     {"action", draft.action},
                     {"outcome", to_string(draft.outcome)}};
        if (draft.artifact_id) told["artifact_id"] = *draft.artifact_id;
        if (draft.run_id) told["run_id"] = *draft.run_id;
        shared_->unrecorded.push_back(std::move(told));
    } else {
        auto& last = shared_->unrecorded.back();
        last["and_more"] = last.value("and_more", 0) + 1;
    }
}

void ManagerImpl::fail_foreign(const std::exception& error, const std::function<void(const Error&)>& record) {
    const auto failure = [&] { return Foreign(std::string("unexpected: ") + error.what()); };
    if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
        try {
            record(failure());
        } catch (const std::exception&) {
            // There may be no memory for that either.
        }
        throw std::bad_alloc();
    }
    try {
        throw failure();
    } catch (const Error& translated) {
        record(translated);
        throw;
    }
}

void ManagerImpl::record_failure(audit::Draft& draft, const Error& error,
                                 const std::function<void(sqlite::Connection&)>& clean_up) {
    draft.outcome = outcome_of(error);
    draft.success = draft.outcome == Outcome::not_found && is_lookup(draft);
    draft.error_message = clean_failure(error.what());
    draft.timestamp.reset();
    draft.row_salts.clear();  // the rows that would have kept them are not there
    std::string why;
    try {
        // A lock that could not be had in time would only be waited for once more.
        if (dynamic_cast<const Busy*>(&error) != nullptr) throw Busy("the catalog is locked");
        // What cleans up takes away what nothing refers to, which must be so on the disk.
        const auto grouping = clean_up ? sqlite::Grouping::alone : sqlite::Grouping::joins;
        transact(audit::ClockJump::correct, grouping, sqlite::Waiting::to_the_deadline,
                 [&](sqlite::Connection& connection, Recorder& recorder) {
                     if (clean_up) clean_up(connection);
                     recorder.append(draft);
                 });
        return;
    } catch (const Error& second) {
        why = second.what();
    }
    remember_unrecorded(draft);
    // Mostly it is the same trouble once more, and needs no saying twice.
    const bool same = std::string_view(error.what()).find(why) != std::string_view::npos;
    manager::rethrow_with(same ? " (and could not be recorded in the audit trail)"
                               : " (this failure could not be recorded in the audit trail: " + why + ")");
}

}  // namespace custody
