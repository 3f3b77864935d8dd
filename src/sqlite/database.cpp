#include "sqlite/database.hpp"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <custody/error.hpp>

#include "sqlite/copy.hpp"
#include "sqlite/files.hpp"
#include "sqlite/lane.hpp"
#include "sqlite/migrations.hpp"

namespace custody::sqlite {

namespace {

using Clock = std::chrono::steady_clock;

// A checkpoint is on the commit path, so it is made while it is small: 4 MiB of pages.
constexpr int checkpoint_frames = 1024;

// A WAL is read from its start by the first one to open the store. Past this size an orderly close has it begin anew.
constexpr int reset_frames = 128;

constexpr auto longest_timeout = std::chrono::milliseconds(std::chrono::hours(24 * 366));

// How long an orderly close waits for the lock before it leaves the WAL to the next one.
constexpr auto close_patience = std::chrono::milliseconds(200);

std::chrono::milliseconds remaining(Deadline deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    return std::max(left, std::chrono::milliseconds(0));
}

// The permissions that the store gave its catalog; what is made beside it gets the same.
unsigned mode_of(const std::filesystem::path& file) {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 ? status.st_mode & 0666U : 0600U;
}

// On one line, and not without end: whoever wants all of them verifies.
std::string first_of(const std::vector<std::string>& differences) {
    constexpr std::size_t most = 10;
    std::string list;
    for (std::size_t i = 0; i < std::min(most, differences.size()); ++i) list += (i == 0 ? "" : "; ") + differences[i];
    return differences.size() > most ? list + "; and " + std::to_string(differences.size() - most) + " more" : list;
}

int pragma(Connection& connection, const char* sql) {
    Query query(connection, sql);
    query.step();
    return static_cast<int>(query.integer(0));
}

// A change that changes nothing, so that there is a frame to write. Call inside BEGIN IMMEDIATE: what is there may be another
// process's, and newer than what this one has seen.
void write_what_is_there(Connection& connection) {
    const auto version = std::to_string(pragma(connection, "PRAGMA user_version"));
    connection.execute(("PRAGMA user_version = " + version).c_str());
}

// What a newer program that upgraded the store says of those that may still use it.
void require_at_most_newest(Connection& connection, const char* sql) {
    Query query(connection, sql);
    if (!query.step() || query.integer(0) > newest_version()) {
        throw VersionMismatch("another program has upgraded the store meanwhile; use a newer custody");
    }
}

}  // namespace

Database::Database(std::filesystem::path file, const std::filesystem::path& queue_file, DatabaseOptions options)
    : file_(std::move(file)), options_(options), queue_(queue_file, mode_of(file_)), owner_pid_(::getpid()) {
    // A deadline is a point in time: what no clock reaches would overflow it.
    options_.lock_timeout = std::clamp(options_.lock_timeout, std::chrono::milliseconds(0), longest_timeout);
    if (options_.diagnose) {
        auto reader = open_for_diagnosis();
        check(*reader);
        readers_.push_back(std::move(reader));
        if (!differences_.empty() || read_access_ != Access::read_write || version_ < newest_version()) return;
    }
    // A stock shell removes the WAL when it is the last to close; its name is made durable anew with the file.
    const bool wal_is_there = std::filesystem::exists(file_.string() + "-wal");
    auto writer = open(Access::read_write);
    check(*writer);
    if (!wal_is_there) sync_folder_of(file_);
    writer->execute("PRAGMA cache_size = -65536");  // a large batch that spills writes its pages to the WAL again and again
    checkpointer_ = open(Access::read_write);
    writer_ = std::move(writer);
    writable_ = true;
}

Database::~Database() {
    if (::getpid() != owner_pid_) {  // a forked child: closing here would drop the parent's locks
        if (writer_) writer_.release()->leak();
        if (checkpointer_) checkpointer_.release()->leak();
        for (auto& reader : readers_) reader.release()->leak();
        return;
    }
    if (wrote_ && !poisoned_) {
        try {
            const auto deadline = Clock::now() + close_patience;
            if (checkpoint_guarded(deadline) && writer_->wal_frames() >= reset_frames) reset_wal(deadline);
        } catch (const std::exception&) {
            // What stays in the WAL is safe there; the next one to open the store moves it.
        }
    }
}

std::unique_ptr<Connection> Database::open(Access access) {
    auto connection = open_connection(file_, access);
    connection->set_busy_timeout(options_.lock_timeout);
    return connection;
}

// Read-write first, since a healthy store lets verify leave its entry; then whatever the media allow.
std::unique_ptr<Connection> Database::open_for_diagnosis() {
    for (const auto access : {Access::read_write, Access::read_only, Access::immutable}) {
        try {
            auto connection = open(access);
            read_access_ = access;
            (void)pragma(*connection, "SELECT count(*) FROM sqlite_schema");
            if (access == Access::read_write && sqlite3_db_readonly(connection->handle(), "main") == 1)
                read_access_ = Access::read_only;
            return connection;
        } catch (const IoError&) {
            if (access == Access::immutable) throw;
        }
    }
    throw IoError("can't open " + file_.string(), EACCES);
}

void Database::check(Connection& connection) {
    version_ = pragma(connection, "PRAGMA user_version");
    const std::string here = file_.string();
    if (version_ > newest_version()) {
        throw VersionMismatch(here + " has schema version " + std::to_string(version_) + ", and this program knows up to " +
                              std::to_string(newest_version()) + ": use a newer custody");
    }
    if (version_ < 1) throw Corruption(here + " has no schema version; it was not touched");
    checked_schema_ = pragma(connection, "PRAGMA schema_version");  // first: what comes after it moves it
    differences_ = sqlite::schema_differences(connection, version_);
    if (!differences_.empty() && !options_.diagnose) refuse_altered(differences_);
    if (version_ < newest_version() && !options_.diagnose) {
        if (!options_.upgrade) {
            throw VersionMismatch(here + " has schema version " + std::to_string(version_) + ", older than this program's " +
                                  std::to_string(newest_version()) +
                                  ": run `custody migrate` once (it keeps a copy of the database)");
        }
        upgrade(connection);
        version_ = newest_version();
    }
}

void Database::refuse_altered(const std::vector<std::string>& differences) const {
    throw SchemaAltered(
        "the schema of " + file_.string() +
        " was altered; nothing was written to it. Run `custody verify` and compare with a backup: " + first_of(differences));
}

void Database::upgrade(Connection& connection) {
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    const auto copy = file_.string() + ".v" + std::to_string(version_) + "-" + std::to_string(now.count());
    migrate(connection, options_.migration_step, [&] { copy_database(file_, copy, mode_of(file_)); });
}

bool Database::owned() const { return ::getpid() == owner_pid_; }

void Database::require_same_process() const {
    if (!owned()) {
        throw InvalidState("this ArtifactManager was opened before fork(); a child process opens its own");
    }
}

void Database::begin_immediate(Deadline deadline) {
    writer_->set_busy_timeout(remaining(deadline));
    try {
        Query(*writer_, "BEGIN IMMEDIATE").run();
    } catch (const Busy&) {
        throw Busy("another process held the catalog for longer than the lock timeout of " +
                   std::to_string(options_.lock_timeout.count()) + " ms; nothing was changed: try again, or raise the timeout");
    }
}

// Another process may have upgraded the store under this one.
void Database::require_same_version(Connection& connection) {
    const int now = pragma(connection, "PRAGMA user_version");
    if (now == version_) return require_unaltered(connection);
    if (now < version_) throw VersionMismatch("an older database was put into this one's place; open the store anew");
    require_at_most_newest(connection, "SELECT max(min_reader, min_writer) FROM store");
}

// The same for a read, which a writer's rules don't concern.
void Database::require_readable(Connection& connection) const {
    if (pragma(connection, "PRAGMA user_version") == version_) return;
    require_at_most_newest(connection, "SELECT min_reader FROM store");
}

// SQLite counts what changes the schema. Where that count has moved, it is compared again: VACUUM moves it too.
void Database::require_unaltered(Connection& connection) {
    const int now = pragma(connection, "PRAGMA schema_version");
    if (now == checked_schema_) return;
    const auto differences = sqlite::schema_differences(connection, version_);
    if (!differences.empty()) refuse_altered(differences);
    checked_schema_ = now;
}

std::vector<std::string> Database::schema_differences() {
    std::vector<std::string> differences;
    read([&](Connection& connection) {
        const int version = pragma(connection, "PRAGMA user_version");
        if (version < 1 || version > newest_version()) {
            throw VersionMismatch("the schema is of version " + std::to_string(version) + ", which this program doesn't know");
        }
        differences = sqlite::schema_differences(connection, version);
    });
    return differences;
}

void Database::commit() {
    try {
        Query(*writer_, "COMMIT").run();
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
        auto writer = open(Access::read_write);
        writer->set_busy_timeout(close_patience);
        writer->execute("PRAGMA synchronous = OFF; BEGIN IMMEDIATE");
        require_same_version(*writer);
        write_what_is_there(*writer);
        writer->execute("COMMIT; PRAGMA synchronous = FULL");
        auto checkpointer = open(Access::read_write);
        writer_ = std::move(writer);
        checkpointer_ = std::move(checkpointer);
        poisoned_ = false;
    } catch (const std::exception&) {
        // The next write tries again.
    }
}

void Database::write(const std::function<void(Connection&)>& body) {
    require_same_process();
    if (!writable_) {
        throw IoError(
            "the store is open for diagnosis only: it can't be written, is of an older version, or its schema was altered",
            EROFS);
    }
    const auto deadline = Clock::now() + options_.lock_timeout;
    const Lane lane(*this, deadline);
    if (poisoned_) renew();
    if (poisoned_)
        throw IoError("an earlier write of this process failed on the disk; check the disk, and open the store anew", EIO);
    const auto turn = queue_.wait(deadline);
    begin_immediate(deadline);
    try {
        require_same_version(*writer_);
        body(*writer_);
        commit();
    } catch (...) {
        // SQLite may have rolled back by itself (a full disk does); then there is nothing to roll back.
        if (!writer_->in_autocommit()) {
            try {
                Query(*writer_, "ROLLBACK").run();
            } catch (const Error&) {
                poisoned_ = true;
            }
        }
        if (poisoned_) renew();
        throw;
    }
    wrote_ = true;
    if (writer_->wal_frames() >= checkpoint_frames) {
        try {
            checkpoint_guarded(deadline);
        } catch (const Error&) {
            // The commit stands; the next one tries again.
        }
    }
}

// SQLite 3.7.0 to 3.51.2 can lose rows when a checkpoint meets a writer that resets the WAL. Here no writer can:
// this process holds BEGIN IMMEDIATE on one connection while another makes a PASSIVE checkpoint.
bool Database::checkpoint_guarded(Deadline deadline) {
    begin_immediate(deadline);
    int in_log = 0;
    int moved = 0;
    const int code = sqlite3_wal_checkpoint_v2(checkpointer_->handle(), "main", SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
    Query(*writer_, "ROLLBACK").run();
    if ((code & 0xff) == SQLITE_IOERR) poisoned_ = true;
    return code == SQLITE_OK && in_log == moved;
}

// The first commit after a complete checkpoint begins the WAL anew, and journal_size_limit cuts the file. This one
// changes nothing.
void Database::reset_wal(Deadline deadline) {
    begin_immediate(deadline);
    try {
        require_same_version(*writer_);
        write_what_is_there(*writer_);
        commit();
    } catch (...) {
        if (!writer_->in_autocommit()) writer_->execute("ROLLBACK");
        throw;
    }
    checkpoint_guarded(deadline);
}

bool Database::checkpoint() {
    require_same_process();
    if (!writable_) return false;
    const auto deadline = Clock::now() + options_.lock_timeout;
    const Lane lane(*this, deadline);
    const auto turn = queue_.wait(deadline);
    return checkpoint_guarded(deadline);
}

void Database::read(const std::function<void(Connection&)>& body) {
    require_same_process();
    std::unique_ptr<Connection> reader;
    {
        const std::lock_guard lock(readers_mutex_);
        if (!readers_.empty()) {
            reader = std::move(readers_.back());
            readers_.pop_back();
        }
    }
    for (int attempt = 1;; ++attempt) {
        if (!reader) {
            reader = open(read_access_);
        }
        try {
            Query(*reader, "BEGIN").run();
            require_readable(*reader);
            body(*reader);
            Query(*reader, "COMMIT").run();
            break;
        } catch (const Corruption&) {
            reader.reset();  // an I/O error can look like damage: look again with fresh eyes
            if (attempt == 2) throw;
        } catch (...) {
            if (!reader->in_autocommit()) reader->execute("ROLLBACK");
            const std::lock_guard lock(readers_mutex_);
            readers_.push_back(std::move(reader));
            throw;
        }
    }
    const std::lock_guard lock(readers_mutex_);
    readers_.push_back(std::move(reader));
}

}  // namespace custody::sqlite
