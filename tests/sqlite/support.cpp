#include "sqlite/support.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <custody/time.hpp>
#include <exception>

#include "sqlite/migrations.hpp"

namespace custody::testing {

namespace fs = std::filesystem;

TestDatabase::TestDatabase() { REQUIRE(sqlite::Database::create(file, 0600, insert_store_row)); }

std::unique_ptr<sqlite::Database> TestDatabase::open(sqlite::DatabaseOptions options) const {
    return std::make_unique<sqlite::Database>(file, queue, options);
}

std::map<std::string, std::string> TestDatabase::files() const {
    std::map<std::string, std::string> content;
    for (const auto& entry : fs::directory_iterator(scratch.path())) {
        const auto name = entry.path().filename();
        if (name != "catalog.db-shm" && name != "write-queue") content[name.string()] = slurp(entry.path());
    }
    return content;
}

std::unique_ptr<sqlite::Connection> at_version(const fs::path& file, int version, bool with_store) {
    auto connection = sqlite::open_connection(file, sqlite::Access::create);
    connection->execute(("PRAGMA application_id = " + std::to_string(sqlite::application_id)).c_str());
    for (const auto& migration : sqlite::migrations().first(static_cast<std::size_t>(version))) {
        connection->execute(migration.sql);
        sqlite::Query(*connection, "INSERT INTO schema_migrations VALUES (?, ?, ?, 'then')", migration.version, migration.name,
                      migration.sha256)
            .run();
    }
    if (with_store) insert_store_row(*connection);
    connection->execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
    connection->clear_statements();
    connection->execute("PRAGMA journal_mode = WAL");
    return connection;
}

void insert_store_row(sqlite::Connection& connection) {
    sqlite::Query(connection,
                  "INSERT INTO store (store_key, store_id, epoch, created_at, payload_root, group_access, phi_guard, min_reader, "
                  "min_writer) VALUES (1, '11111111-1111-4111-8111-111111111111', '0123456789abcdef', ?, NULL, 0, 'off', 1, 1)",
                  Timestamp::now().str())
        .run();
}

void insert_type(sqlite::Connection& connection, const std::string& name) {
    sqlite::Query(connection, "INSERT INTO artifact_types (artifact_type, sensitivity, built_in) VALUES (?, 'neutral', 0)", name)
        .run();
}

void upgrade_to_999(sqlite::Connection& connection) {
    connection.execute(
        "BEGIN; INSERT INTO schema_migrations (version, name, sha256, applied_at) "
        "SELECT 999, 'later', sha256, applied_at FROM schema_migrations WHERE version = 1; PRAGMA user_version = 999; COMMIT");
}

void write_type(sqlite::Database& database, const std::string& name) {
    database.write([&](sqlite::Connection& connection) { insert_type(connection, name); });
}

std::int64_t count_types(sqlite::Database& database) {
    std::int64_t count = 0;
    database.read([&](sqlite::Connection& connection) {
        sqlite::Query query(connection, "SELECT count(*) FROM artifact_types WHERE built_in = 0");
        query.step();
        count = query.integer(0);
    });
    return count;
}

Ran stock_shell(const fs::path& file, const std::string& sql) {
    const Scratch scratch;
    return shell("sqlite3 -batch '" + file.string() + "' < '" + scratch.file("input.sql", sql).string() + "'");
}

pid_t in_child(const std::function<int()>& body) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child != 0) return child;
    int code = 99;
    try {
        code = body();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "child: %s\n", error.what());
    }
    ::_exit(code);
}

int wait_for(pid_t child) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace custody::testing
