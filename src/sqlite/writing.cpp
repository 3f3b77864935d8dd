// How the database is written: transactions, what follows a failed one, and checkpoints.

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <custody/error.hpp>
#include <utility>

#include "sqlite/database.hpp"
#include "sqlite/kept_locks.hpp"
#include "sqlite/lane.hpp"
#include "sqlite/pragma.hpp"

namespace custody::sqlite {

namespace {

using Clock = std::chrono::steady_clock;

// So many changes share a sync at most, and so long other processes wait for them.
constexpr std::size_t most_members = 64;
constexpr auto longest_group = std::chrono::milliseconds(20);

// A checkpoint is on the commit path, so it is made while it is small: 4 MiB of pages.
constexpr int checkpoint_frames = 1024;

// A WAL is read from its start by the first one to open the store. Past this size an orderly close has it begin anew.
constexpr int reset_frames = 128;

// How long an orderly close waits for the lock before it leaves the WAL to the next one.
constexpr auto close_patience = std::chrono::milliseconds(200);

// A change that changes nothing, so that there is a frame to write. Call inside BEGIN IMMEDIATE: what is there may be another
// process's, and newer than what this one has seen.
void write_what_is_there(Connection& connection) {
    const auto version = std::to_string(pragma(connection, "PRAGMA user_version"));
    connection.execute(("PRAGMA user_version = " + version).c_str());
}

[[noreturn]] void rethrow_copy(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const IoError& error) {
        throw IoError(error.what(), error.code());
    } catch (const Busy& error) {
        throw Busy(error.what());
    } catch (const Corruption& error) {
        throw Corruption(error.what());
    } catch (const Error& error) {
        throw Error(error.what());
    } catch (const std::bad_alloc&) {
        throw std::bad_alloc();
    }
}

// An error of one's own: what several threads caught would be let go of by whoever is last, while others read it. Without memory
// for it, that is the error.
std::exception_ptr copy_of(const std::exception_ptr& failure) noexcept {
    try {
        rethrow_copy(failure);
    } catch (...) {
        return std::current_exception();
    }
}

}  // namespace

void Database::set_writer(std::unique_ptr<Connection> writer) {
    // A large batch that spills writes its pages to the WAL again and again.
    writer->execute("PRAGMA cache_spill = -65536");
    writer_ = std::move(writer);
}

// Where a reader has the writer's connection it keeps it, and a new one takes its place: no writer waits for a reader.
void Database::require_writer() {
    if (!writer_) set_writer(open(Access::read_write));
}

Patience Database::patience_from_now(Waiting waiting) const {
    const auto deadline = Clock::now() + options_.lock_timeout;
    return waiting == Waiting::may_be_stopped ? Patience(deadline, options_.stop_waiting) : Patience(deadline);
}

void Database::throw_busy(const std::string& who, const Patience& patience) const {
    if (patience.is_stopped()) {
        throw Busy("the wait for " + who + ", which held the catalog, was stopped; nothing was changed");
    }
    throw Busy(who + " held the catalog for longer than the lock timeout of " + std::to_string(options_.lock_timeout.count()) +
               " ms; nothing was changed: try again, or raise the timeout");
}

void Database::begin_immediate(const Patience& patience) {
    if (!writer_->in_autocommit()) writer_->execute("ROLLBACK");  // there was no memory for it when it was due
    writer_->set_patience(patience);
    try {
        Query(*writer_, "BEGIN IMMEDIATE").run();
    } catch (const Busy&) {
        throw_busy("another process", patience);
    }
}

void Database::commit() {
    try {
        Query(*writer_, "COMMIT").run();
        wal_frames_ = writer_->wal_frames();
    } catch (const IoError&) {
        // A failed fsync leaves the kernel's pages in doubt; asking again would answer "fine". The handle is not used again.
        poisoned_ = poisoned_ || (sqlite3_extended_errcode(writer_->handle()) & 0xff) == SQLITE_IOERR;
        throw;
    }
}

// New handles after a failed sync; they see what is on the disk. The commit that failed stands whole in the WAL, though nobody
// reads it there yet, and the next recovery would take it for a good one: a frame written over its first one ends that, and
// needs no sync to do so in a system that stays up.
void Database::renew() noexcept {
    try {
        if (!writer_->in_autocommit()) writer_->execute("ROLLBACK");  // else the new handle would wait for the old one's lock
        auto writer = open(Access::read_write);
        writer->set_busy_timeout(close_patience);
        writer->execute("PRAGMA synchronous = OFF; BEGIN IMMEDIATE");
        require_same_version(*writer);
        write_what_is_there(*writer);
        writer->execute("COMMIT; PRAGMA synchronous = FULL");
        auto checkpointer = open(Access::checkpoint);
        set_writer(std::move(writer));
        checkpointer_ = std::move(checkpointer);
        poisoned_ = false;
        keep_locks(file_);
    } catch (const std::exception&) {
        // The next write tries again.
    }
}

void Database::write(const std::function<void(Connection&)>& body, Grouping grouping, Waiting waiting) {
    require_same_process();
    if (!writable_) {
        throw IoError(
            "the store is open for diagnosis only: it can't be written, is of an older version, or its schema was altered",
            EROFS);
    }
    const auto patience = patience_from_now(waiting);
    Lane lane(*this, patience, grouping, &body);
    if (!lane.is_served()) return lead(lane, body, grouping, patience);
    if (auto failure = lane.take_failure()) std::rethrow_exception(std::move(failure));
}

void Database::lead(Lane& lane, const Body& body, Grouping grouping, const Patience& patience) {
    auto group = begin_group(patience);
    auto failure = take_part(group, body);
    const auto may_grow = [&] {
        return grouping == Grouping::joins && !group.failure && group.members > 0 && group.served.size() < most_members &&
               Clock::now() - group.begun < longest_group;
    };
    while (may_grow()) {
        const auto next = lane.take_next(group);
        if (!next) break;
        next->failure = take_part(group, *next->body);
    }
    end_group(group, patience);
    if (failure) std::rethrow_exception(failure);
    if (group.failure) std::rethrow_exception(group.failure);
}

Database::Group Database::begin_group(const Patience& patience) {
    require_writer();
    if (poisoned_) renew();
    if (poisoned_)
        throw IoError("an earlier write of this process failed on the disk; check the disk, and open the store anew", EIO);
    Group group;
    group.served.reserve(most_members);
    group.turn.emplace(queue_.wait(patience));
    begin_immediate(patience);
    group.begun = Clock::now();
    try {
        require_same_version(*writer_);
    } catch (...) {
        roll_back();
        throw;
    }
    return group;
}

// Answers what `body` threw; nothing that it did is left then.
std::exception_ptr Database::take_part(Group& group, const Body& body) {
    bool has_savepoint = false;
    try {
        if (group.members > 0) Query(*writer_, "SAVEPOINT member").run();
        has_savepoint = group.members > 0;
        body(*writer_);
        writer_->write_deferred();
        if (has_savepoint) Query(*writer_, "RELEASE member").run();
        ++group.members;
        return {};
    } catch (...) {
        auto failure = std::current_exception();
        writer_->forget_deferred();
        const bool others_stand = take_back(group, has_savepoint);
        if (group.members > 0 && !others_stand) group.failure = copy_of(failure);
        return failure;
    }
}

// Answers whether the transaction still holds what the others of the group did, and nothing else.
bool Database::take_back(Group& group, bool has_savepoint) {
    // SQLite may have rolled back by itself (a full disk does); then there is nothing to roll back, of anybody.
    if (writer_->in_autocommit()) return false;
    if (group.members == 0) {
        roll_back();
        return false;
    }
    if (!has_savepoint) return true;  // it did nothing
    try {
        Query(*writer_, "ROLLBACK TO member").run();
        Query(*writer_, "RELEASE member").run();
        return true;
    } catch (const std::exception&) {
        roll_back();
        return false;
    }
}

void Database::roll_back() noexcept {
    if (writer_->in_autocommit()) return;
    try {
        Query(*writer_, "ROLLBACK").run();
    } catch (const std::exception&) {  // no memory for it, too
        poisoned_ = true;
    }
}

void Database::end_group(Group& group, const Patience& patience) {
    bool committed = false;
    try {
        if (group.members > 0 && !group.failure) {
            group.turn->ends_soon();
            commit();
        }
        committed = group.members > 0 && !group.failure;
    } catch (...) {
        group.failure = std::current_exception();
    }
    if (!committed) roll_back();
    if (poisoned_) renew();
    for (const auto& served : group.served) {
        if (group.failure && !served->failure) served->failure = copy_of(group.failure);
    }
    {
        const std::lock_guard lock(lane_mutex_);
        for (const auto& served : group.served) served->is_over = true;
    }
    for (const auto& served : group.served) served->moved.notify_one();  // not before: they would wait for the mutex next
    if (!committed) return;
    wrote_ = true;
    if (wal_frames_ < checkpoint_frames) return;
    try {
        checkpoint_guarded(patience);
    } catch (const std::exception&) {
        // The commit stands; the next one tries again.
    }
}

// SQLite 3.7.0 to 3.51.2 can lose rows when a checkpoint meets a writer that resets the WAL. Here no writer can:
// this process holds BEGIN IMMEDIATE on one connection while another makes a PASSIVE checkpoint.
bool Database::checkpoint_guarded(const Patience& patience) {
    require_writer();
    begin_immediate(patience);
    int in_log = 0;
    int moved = 0;
    const int code = sqlite3_wal_checkpoint_v2(checkpointer_->handle(), "main", SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
    if ((code & 0xff) == SQLITE_IOERR) poisoned_ = true;
    try {
        Query(*writer_, "ROLLBACK").run();
    } catch (const std::exception&) {
        poisoned_ = true;  // the next write begins by letting go of the lock
        throw;
    }
    return code == SQLITE_OK && in_log == moved;
}

// The first commit after a complete checkpoint begins the WAL anew, and journal_size_limit cuts the file. This one
// changes nothing.
void Database::reset_wal(const Patience& patience) {
    begin_immediate(patience);
    try {
        require_same_version(*writer_);
        write_what_is_there(*writer_);
        commit();
    } catch (...) {
        if (!writer_->in_autocommit()) writer_->execute("ROLLBACK");
        throw;
    }
    checkpoint_guarded(patience);
}

// At an orderly close.
void Database::shorten_log() noexcept {
    try {
        const Patience patience(Clock::now() + close_patience);
        if (checkpoint_guarded(patience) && wal_frames_ >= reset_frames) reset_wal(patience);
    } catch (const std::exception&) {
        // What stays in the WAL is safe there; the next one to open the store moves it.
    }
}

bool Database::checkpoint() {
    require_same_process();
    if (!writable_) return false;
    const auto patience = patience_from_now(Waiting::may_be_stopped);
    const Lane lane(*this, patience);
    const auto turn = queue_.wait(patience);
    return checkpoint_guarded(patience);
}

}  // namespace custody::sqlite
