// Where operations become transactions and audit entries: the only place that appends to the trail.

#include <algorithm>
#include <string_view>

#include "manager/manager_impl.hpp"

namespace custody {

namespace {

// More of what couldn't be recorded than this is only counted: the next entry must not grow without bound.
constexpr std::size_t unrecorded_limit = 100;

Outcome outcome_of(const Error& error) {
    if (dynamic_cast<const NotFound*>(&error) != nullptr) return Outcome::not_found;
    if (dynamic_cast<const IoError*>(&error) != nullptr || dynamic_cast<const Busy*>(&error) != nullptr ||
        dynamic_cast<const Corruption*>(&error) != nullptr) {
        return Outcome::failed;
    }
    return Outcome::refused;
}

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

std::int64_t ManagerImpl::Recorder::append(const audit::Draft& draft) {
    json unrecorded;
    {
        const std::lock_guard lock(manager_.mutex_);
        unrecorded = manager_.unrecorded_;
    }
    if (unrecorded.empty()) return audit::append(connection_, draft, manager_.agent_);
    auto telling = draft;  // what couldn't be written is told by the next entry that can be
    telling.details["unrecorded"] = unrecorded;
    return audit::append(connection_, telling, manager_.agent_);
}

void ManagerImpl::transact(const std::function<void(sqlite::Connection&, Recorder&)>& body) {
    std::size_t told = 0;
    {
        const std::lock_guard lock(mutex_);
        told = unrecorded_.size();
    }
    database_->write([&](sqlite::Connection& connection) {
        Recorder recorder(*this, connection);
        body(connection, recorder);
    });
    if (told == 0) return;
    const std::lock_guard lock(mutex_);
    const auto count = std::min(told, unrecorded_.size());
    unrecorded_.erase(unrecorded_.begin(), unrecorded_.begin() + static_cast<std::ptrdiff_t>(count));
}

void ManagerImpl::change_many(audit::Draft& draft, const std::function<void(sqlite::Connection&, Recorder&)>& body,
                              const std::function<void(sqlite::Connection&)>& clean_up) {
    try {
        transact(body);
    } catch (const InvalidState&) {
        throw;  // a forked child's: nothing can be written through this manager
    } catch (const Error& error) {
        record_failure(draft, error, clean_up);
        throw;
    }
}

void ManagerImpl::change(audit::Draft& draft, const std::function<void(sqlite::Connection&, Recorder&)>& body,
                         const std::function<void(sqlite::Connection&)>& clean_up) {
    change_many(
        draft,
        [&](sqlite::Connection& connection, Recorder& recorder) {
            body(connection, recorder);
            recorder.append(draft);
        },
        clean_up);
}

void ManagerImpl::record(audit::Draft& draft) {
    transact([&](sqlite::Connection&, Recorder& recorder) { recorder.append(draft); });
}

void ManagerImpl::record_read(audit::Draft& draft, bool handing_out) {
    if (options_.enable_audit || handing_out) record(draft);
}

void ManagerImpl::look(audit::Draft& draft, const std::function<void(sqlite::Connection&)>& body, bool handing_out) {
    try {
        database_->read(body);
        record_read(draft, handing_out);
    } catch (const InvalidState&) {
        throw;
    } catch (const Error& error) {
        if (options_.enable_audit || handing_out) record_failure(draft, error, {});
        throw;
    }
}

void ManagerImpl::remember_unrecorded(const audit::Draft& draft) {
    const std::lock_guard lock(mutex_);
    if (unrecorded_.size() < unrecorded_limit) {
        json told = {{"timestamp", Timestamp::now().str()},
                     {"operation", draft.operation},
                     {"action", draft.action},
                     {"outcome", to_string(draft.outcome)}};
        if (draft.artifact_id) told["artifact_id"] = *draft.artifact_id;
        if (draft.run_id) told["run_id"] = *draft.run_id;
        unrecorded_.push_back(std::move(told));
    } else {
        auto& last = unrecorded_.back();
        last["and_more"] = last.value("and_more", 0) + 1;
    }
}

void ManagerImpl::record_failure(audit::Draft& draft, const Error& error,
                                 const std::function<void(sqlite::Connection&)>& clean_up) {
    draft.outcome = outcome_of(error);
    draft.success = false;
    draft.error_message = clean_message(error.what());
    draft.timestamp.reset();
    draft.row_salts.clear();  // the rows that would have kept them are not there
    std::string why;
    try {
        // A lock that could not be had in time would only be waited for once more.
        if (dynamic_cast<const Busy*>(&error) != nullptr) throw Busy("the catalog is locked");
        database_->write([&](sqlite::Connection& connection) {
            if (clean_up) clean_up(connection);
            audit::append(connection, draft, agent_);
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
