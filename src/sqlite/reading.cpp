// How the database is read: transactions, the connections for them, and versions.

#include <custody/error.hpp>

#include "sqlite/database.hpp"
#include "sqlite/migrations.hpp"
#include "sqlite/pragma.hpp"
#include "sqlite/schema_state.hpp"

namespace custody::sqlite {

namespace {

// What a newer program that upgraded the store says of those that may still use it.
void require_at_most_newest(Connection& connection, const char* sql) {
    Query query(connection, sql);
    if (!query.step() || query.integer(0) > newest_version()) {
        throw VersionMismatch("another program has upgraded the store meanwhile; use a newer custody");
    }
}

}  // namespace

// Another process may have upgraded the store under this one.
void Database::require_same_version(Connection& connection) {
    const int now = pragma(connection, "PRAGMA user_version");
    if (now == version_) return require_unaltered(connection);
    if (now < version_) throw VersionMismatch("an older database was put into this one's place; open the store anew");
    connection.use_schema(pragma(connection, "PRAGMA schema_version"));
    require_at_most_newest(connection, "SELECT max(min_reader, min_writer) FROM store");
    const auto differences = schema_state(connection).differences;
    if (!differences.empty()) refuse_altered(differences);
}

// The same for a read, which a writer's rules don't concern.
void Database::require_readable(Connection& connection) const {
    if (pragma(connection, "PRAGMA user_version") == version_) return;
    require_at_most_newest(connection, "SELECT min_reader FROM store");
}

// A connection that no other reader uses, else the writer's while nobody writes: a thread that reads and writes in turn needs no
// second one, whose parse of the schema is a third of what opening a store takes. Nobody waits for it: see require_writer.
std::unique_ptr<Connection> Database::borrow() {
    std::unique_ptr<Connection> connection;
    {
        const std::lock_guard lock(readers_mutex_);
        if (!readers_.empty()) {
            connection = std::move(readers_.back());
            readers_.pop_back();
            return connection;
        }
    }
    {
        const std::lock_guard lock(lane_mutex_);
        // In a transaction it is where there was no memory to end one: the next write does.
        const bool is_free = lane_.empty() && !poisoned_ && writer_ && writer_->in_autocommit();
        if (is_free) connection = std::move(writer_);
    }
    if (connection) connection->set_busy_timeout(options_.lock_timeout);  // the last write's deadline was set
    return connection;
}

void Database::give_back(std::unique_ptr<Connection> connection) {
    {
        const std::lock_guard lock(lane_mutex_);
        if (writable_ && lane_.empty() && !writer_) {
            writer_ = std::move(connection);
            return;
        }
    }
    const std::lock_guard lock(readers_mutex_);
    readers_.push_back(std::move(connection));
}

void Database::read(const std::function<void(Connection&)>& body) {
    require_same_process();
    auto reader = borrow();
    for (int attempt = 1;; ++attempt) {
        if (!reader) reader = open(read_access_);
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
            give_back(std::move(reader));
            throw;
        }
    }
    give_back(std::move(reader));
}

}  // namespace custody::sqlite
