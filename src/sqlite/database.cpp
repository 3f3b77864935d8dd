#include "sqlite/database.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <custody/error.hpp>

#include "sqlite/files.hpp"
#include "sqlite/kept_locks.hpp"
#include "sqlite/migrations.hpp"
#include "sqlite/pragma.hpp"
#include "sqlite/schema_state.hpp"

namespace custody::sqlite {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto longest_timeout = std::chrono::milliseconds(std::chrono::hours(24 * 366));

// On one line, and not without end: whoever wants all of them verifies.
std::string first_of(const std::vector<std::string>& differences) {
    constexpr std::size_t most = 10;
    std::string list;
    for (std::size_t i = 0; i < std::min(most, differences.size()); ++i) list += (i == 0 ? "" : "; ") + differences[i];
    return differences.size() > most ? list + "; and " + std::to_string(differences.size() - most) + " more" : list;
}

// Names that are older than this every file system has written by itself.
constexpr auto names_are_young = std::chrono::minutes(5);

bool has_young_names(const std::filesystem::path& folder) {
    std::error_code unknown;
    const auto age = std::filesystem::file_time_type::clock::now() - std::filesystem::last_write_time(folder, unknown);
    return unknown || age < names_are_young;  // one from the future, too
}

// Another client may have left the catalog in another mode, and so is the copy that a backup has of it. The locks that are kept
// while it is open would bar its own writes there.
void require_wal(Connection& writer) {
    if (Query mode(writer, "PRAGMA journal_mode"); mode.step() && mode.text(0) == "wal") return;
    writer.execute("PRAGMA journal_mode = WAL");
    if (Query mode(writer, "PRAGMA journal_mode"); mode.step() && mode.text(0) == "wal") return;
    throw Busy("the catalog is not in WAL mode, and others have it open: close them, and try again");
}

}  // namespace

Database::Database(std::filesystem::path file, const std::filesystem::path& queue_file, DatabaseOptions options)
    : file_(std::move(file)), options_(std::move(options)), queue_(queue_file, mode_beside(file_)), owner_pid_(::getpid()) {
    // A deadline is a point in time: what no clock reaches would overflow it.
    options_.lock_timeout = std::clamp(options_.lock_timeout, std::chrono::milliseconds(0), longest_timeout);
    if (options_.diagnose) {
        auto reader = open_for_diagnosis();
        check(*reader);
        readers_.push_back(std::move(reader));
        if (!differences_.empty() || read_access_ != Access::read_write || version_ < newest_version()) return;
    }
    auto writer = open(Access::read_write);
    check(*writer);
    require_wal(*writer);
    // A stock shell removes the WAL when it is the last to close, and whoever made it anew may have died before its name was
    // durable.
    if (has_young_names(file_.parent_path())) sync_folder_of(file_);
    become_writable(std::move(writer));
}

void Database::become_writable(std::unique_ptr<Connection> writer) {
    if (!options_.diagnose) refuse_passing_fault(*writer);
    checkpointer_ = open(Access::checkpoint);
    set_writer(std::move(writer));
    writable_ = true;
    keep_locks(file_);
}

Database::~Database() {
    if (::getpid() != owner_pid_) {  // a forked child: closing here would drop the parent's locks
        if (writer_) writer_.release()->leak();
        if (checkpointer_) checkpointer_.release()->leak();
        for (auto& reader : readers_) reader.release()->leak();
        return;
    }
    if (wrote_ && !poisoned_) shorten_log();
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

// In one transaction: another process may be upgrading the store at this moment.
void Database::look_at_schema(Connection& connection) {
    connection.execute("BEGIN");
    try {
        const std::string here = file_.string();
        checked_schema_ = pragma(connection, "PRAGMA schema_version");  // first: what comes after it moves it
        auto state = schema_state(connection);
        version_ = state.version;
        if (version_ > newest_version()) {
            throw VersionMismatch(here + " has schema version " + std::to_string(version_) + ", and this program knows up to " +
                                  std::to_string(newest_version()) + ": use a newer custody");
        }
        if (version_ < 1) throw Corruption(here + " has no schema version; it was not touched");
        differences_ = std::move(state.differences);
    } catch (...) {
        if (!connection.in_autocommit()) connection.execute("ROLLBACK");
        throw;
    }
    connection.execute("COMMIT");
}

void Database::check(Connection& connection) {
    look_at_schema(connection);
    const std::string here = file_.string();
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

bool Database::owned() const { return ::getpid() == owner_pid_; }

void Database::require_same_process() const {
    if (!owned()) {
        throw InvalidState("this ArtifactManager was opened before fork(); a child process opens its own");
    }
}

// SQLite counts what changes the schema. Where that count has moved, it is compared again: VACUUM moves it too.
void Database::require_unaltered(Connection& connection) {
    const int now = pragma(connection, "PRAGMA schema_version");
    connection.use_schema(now);
    if (now == checked_schema_) return;
    const auto differences = sqlite::schema_differences(connection, version_);
    if (!differences.empty()) refuse_altered(differences);
    checked_schema_ = now;
}

std::vector<std::string> Database::schema_differences() {
    std::vector<std::string> differences;
    read([&](Connection& connection) {
        auto state = schema_state(connection);
        if (!state.is_known()) {
            throw VersionMismatch("the schema is of version " + std::to_string(state.version) +
                                  ", which this program doesn't know");
        }
        differences = std::move(state.differences);
    });
    return differences;
}

}  // namespace custody::sqlite
