// The WAL-reset bug of SQLite 3.7.0 to 3.51.2, and the guard against it: wal_guard guarded|unguarded SECONDS [FOLDER]
//
// Four processes commit rows, each acknowledged by a count in shared memory, and make checkpoints: unguarded as SQLite makes
// them, beside the others' commits; guarded as the library does. Then every acknowledged row is looked for.
// Exit code: 0 none was lost, 1 some were (or the database is damaged), 2 the program itself failed.

#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <custody/error.hpp>
#include <custody/time.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "sqlite/database.hpp"

using namespace custody;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int writers = 4;
constexpr int checkpointers = 2;
constexpr int commits_before_checkpoint = 1;

struct Shared {
    std::atomic<std::int64_t> acknowledged[writers];
    std::atomic<std::int64_t> checkpoints;
    std::atomic<std::int64_t> refused;
};

struct Setup {
    std::filesystem::path file;
    std::filesystem::path queue;
    bool guarded;
    Clock::time_point end;
    Shared* shared;
};

void insert_row(sqlite::Connection& connection, int writer, std::int64_t number) {
    sqlite::Query(connection, "INSERT INTO artifact_types (artifact_type, sensitivity, built_in) VALUES (?, 'neutral', 0)",
                  "w" + std::to_string(writer) + "_" + std::to_string(number))
        .run();
}

void write_guarded(const Setup& setup, int writer) {
    sqlite::Database database(setup.file, setup.queue, {});
    for (std::int64_t n = 0; Clock::now() < setup.end; ++n) {
        database.write([&](sqlite::Connection& connection) { insert_row(connection, writer, n); });
        setup.shared->acknowledged[writer] = n + 1;
        if (n % commits_before_checkpoint == 0) {
            database.checkpoint();
            ++setup.shared->checkpoints;
        }
    }
}

// The same, but for the lock that the library holds while it makes a checkpoint; and without syncs, which only make it rarer
// that two meet.
void write_unguarded(const Setup& setup, int writer) {
    const auto connection = sqlite::open_connection(setup.file, sqlite::Access::read_write);
    const auto checkpointer = sqlite::open_connection(setup.file, sqlite::Access::read_write);
    for (const auto& each : {connection.get(), checkpointer.get()}) each->execute("PRAGMA synchronous = OFF");
    for (std::int64_t n = 0; Clock::now() < setup.end; ++n) {
        connection->execute("BEGIN IMMEDIATE");
        insert_row(*connection, writer, n);
        connection->execute("COMMIT");
        setup.shared->acknowledged[writer] = n + 1;
        if (n % commits_before_checkpoint == 0) {
            sqlite3_wal_checkpoint_v2(checkpointer->handle(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
            ++setup.shared->checkpoints;
        }
    }
}

// Checkpoints without end, beside the writers.
void checkpoint_guarded(const Setup& setup) {
    sqlite::Database database(setup.file, setup.queue, {});
    for (; Clock::now() < setup.end; ++setup.shared->checkpoints) database.checkpoint();
}

void checkpoint_unguarded(const Setup& setup) {
    const auto connection = sqlite::open_connection(setup.file, sqlite::Access::read_write);
    connection->execute("PRAGMA synchronous = OFF");
    for (; Clock::now() < setup.end; ++setup.shared->checkpoints) {
        sqlite3_wal_checkpoint_v2(connection->handle(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    }
}

void checkpoint(const Setup& setup) {
    try {
        setup.guarded ? checkpoint_guarded(setup) : checkpoint_unguarded(setup);
    } catch (const Error& error) {
        ++setup.shared->refused;
        std::fprintf(stderr, "checkpoints: %s\n", error.what());
    }
}

void write_rows(const Setup& setup, int writer) {
    try {
        setup.guarded ? write_guarded(setup, writer) : write_unguarded(setup, writer);
    } catch (const Error& error) {
        ++setup.shared->refused;  // a damaged database may refuse; what it has acknowledged counts all the same
        std::fprintf(stderr, "writer %d: %s\n", writer, error.what());
    }
}

void make_database(const std::filesystem::path& file) {
    sqlite::Database::create(file, 0600, [](sqlite::Connection& connection) {
        sqlite::Query(connection,
                      "INSERT INTO store (store_key, store_id, epoch, created_at, payload_root, group_access, phi_guard, "
                      "min_reader, min_writer) VALUES (1, '11111111-1111-4111-8111-111111111111', '0123456789abcdef', ?, NULL, "
                      "0, 'off', 1, 1)",
                      Timestamp::now().str())
            .run();
    });
}

std::int64_t count_lost(const Setup& setup) {
    const auto connection = sqlite::open_connection(setup.file, sqlite::Access::read_write);
    std::int64_t lost = 0;
    for (int writer = 0; writer < writers; ++writer) {
        for (std::int64_t n = 0; n < setup.shared->acknowledged[writer]; ++n) {
            sqlite::Query query(*connection, "SELECT 1 FROM artifact_types WHERE artifact_type = ?",
                                "w" + std::to_string(writer) + "_" + std::to_string(n));
            if (!query.step()) ++lost;
        }
    }
    return lost;
}

std::string integrity(const Setup& setup) {
    const auto connection = sqlite::open_connection(setup.file, sqlite::Access::read_write);
    sqlite::Query query(*connection, "PRAGMA integrity_check(1)");
    query.step();
    return query.text(0);
}

int run(const Setup& setup) {
    make_database(setup.file);
    std::vector<pid_t> children;
    for (int writer = 0; writer < writers; ++writer) {
        const pid_t child = ::fork();
        if (child == 0) {
            write_rows(setup, writer);
            std::_Exit(0);
        }
        children.push_back(child);
    }
    for (int i = 0; i < checkpointers; ++i) {
        const pid_t child = ::fork();
        if (child == 0) {
            checkpoint(setup);
            std::_Exit(0);
        }
        children.push_back(child);
    }
    for (const auto child : children) ::waitpid(child, nullptr, 0);
    std::int64_t acknowledged = 0;
    for (const auto& count : setup.shared->acknowledged) acknowledged += count;
    std::int64_t lost = -1;
    std::string said;
    try {
        lost = count_lost(setup);
        said = integrity(setup);
    } catch (const Error& error) {
        said = error.what();
    }
    std::printf("sqlite %s, %s: %lld commits, %lld checkpoints, %lld lost, %lld writers refused, integrity_check: %s\n",
                sqlite3_libversion(), setup.guarded ? "guarded" : "unguarded", static_cast<long long>(acknowledged),
                static_cast<long long>(setup.shared->checkpoints), static_cast<long long>(lost),
                static_cast<long long>(setup.shared->refused), said.c_str());
    return lost == 0 && said == "ok" && setup.shared->refused == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    auto* const memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 2;
    std::string name = (argc > 3 ? std::string(argv[3]) : std::string("/tmp")) + "/wal_guard.XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) return 2;
    const std::filesystem::path folder = name;
    int code = 2;
    try {
        code = run({folder / "catalog.db", folder / "write-queue", std::string(argv[1]) == "guarded",
                    Clock::now() + std::chrono::seconds(std::atoi(argv[2])), static_cast<Shared*>(memory)});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "wal_guard: %s\n", error.what());
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    return code;
}
