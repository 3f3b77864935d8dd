#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "sqlite/connection.hpp"
#include "sqlite/migrations.hpp"
#include "sqlite/write_queue.hpp"

namespace custody::sqlite {

struct DatabaseOptions {
    std::chrono::milliseconds lock_timeout{30000};
    std::function<bool()> stop_waiting{};  ///< asked while a writer waits: true ends that as the timeout does
    /// A schema that was altered or is older, and a file that can only be read, are no reasons to refuse; such are never written.
    bool diagnose = false;
    bool upgrade = false;  ///< apply missing migrations
    MigrationStep migration_step{};
};

/// Whether a change may go into one transaction, and be made durable by one sync, with changes of other threads.
enum class Grouping {
    alone,  ///< it acts outside of the database on what it reads there, which must therefore be committed
    joins   ///< what it does outside (making a payload's name durable, say) is right whatever becomes of the others
};

/// Whether `DatabaseOptions::stop_waiting` is asked.
enum class Waiting {
    may_be_stopped,
    to_the_deadline  ///< what an interruption leaves to be told of, or to be cleaned up
};

/// One store's database, shared by the threads of a process: one connection that writes, one that checkpoints
/// while the writer holds the lock, and as many that read as there are threads reading. While nobody writes, the first of
/// these is the writer's.
class Database {
   public:
    /// Opens, checks that it is ours, of a version we know, and unaltered, in this order and before anything is written.
    /// @throws StoreNotFound, Error, VersionMismatch, SchemaAltered, Corruption, IoError
    Database(std::filesystem::path file, const std::filesystem::path& queue_file, DatabaseOptions options);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Makes a database of the newest version at a path where none is: complete, or not at all. `fill` writes the first rows in
    /// the same breath. False where another process was first. @throws IoError; where the name alone could not be made durable
    /// the database is there all the same, and the next one to open it makes it so
    static bool create(const std::filesystem::path& file, unsigned mode, const std::function<void(Connection&)>& fill);

    /// Runs `body` inside BEGIN IMMEDIATE and commits; whatever it throws takes back what it did, and comes through. Where
    /// several threads wait to write, the first of them runs the bodies of those that join, one after another in its transaction
    /// (whose pages then stay with one processor), and each returns once that is durable; what fails the transaction fails all
    /// of them. So a body is run by whatever thread. @throws Busy past the deadline, or where waiting was
    /// stopped; VersionMismatch where another process has upgraded the store meanwhile; SchemaAltered where somebody has altered
    /// the schema meanwhile
    void write(const std::function<void(Connection&)>& body, Grouping grouping = Grouping::alone,
               Waiting waiting = Waiting::may_be_stopped);

    /// Runs `body` inside one read transaction: all that it reads is of one moment. What looks like damage is looked at
    /// again through a new connection before it is believed. @throws VersionMismatch where another process has upgraded the store
    /// beyond this program
    void read(const std::function<void(Connection&)>& body);

    /// Moves what is in the WAL into catalog.db, as far as readers allow; answers whether all of it went.
    bool checkpoint();

    /// Rewrites the database and has its log begin anew, so that nothing that was deleted is left in any byte of either. False
    /// where a reader of an older moment prevents that; what was deleted is then still in the log. @throws Busy, IoError
    bool purge();

    /// For a database that is open for diagnosis: drops what is foreign in its schema, makes guards, views and indexes that are
    /// missing or altered anew, and runs `body`, in one transaction; it can be written from then on. Tables are left alone.
    /// Whoever calls knows that every row is as it should be. @throws Corruption where a table itself is missing or altered;
    /// Busy, IoError, VersionMismatch
    void repair_schema(const std::function<void(Connection&)>& body);

    /// @throws InvalidState in a forked child: its handles are the parent's
    void require_same_process() const;
    [[nodiscard]] bool owned() const;

    /// What is wrong with the schema now. @throws VersionMismatch where it is of a version that this program doesn't know
    [[nodiscard]] std::vector<std::string> schema_differences();
    [[nodiscard]] bool writable() const { return writable_; }
    [[nodiscard]] int version() const { return version_; }
    [[nodiscard]] const std::filesystem::path& file() const { return file_; }
    [[nodiscard]] std::chrono::milliseconds lock_timeout() const { return options_.lock_timeout; }

   private:
    using Body = std::function<void(Connection&)>;
    class Lane;
    /// Who waits to write, in a thread of its own.
    struct Waiter {
        const Body* body = nullptr;
        Grouping grouping = Grouping::alone;
        bool is_served = false;        ///< another one runs its body
        bool is_over = false;          ///< and that is durable, or has failed
        std::exception_ptr failure{};  ///< its own
        std::condition_variable moved{};
    };
    /// A transaction that is open, and who shares it.
    struct Group {
        std::optional<WriteQueue::Turn> turn{};
        std::chrono::steady_clock::time_point begun{};
        std::size_t members = 0;       ///< whose changes are in it
        std::exception_ptr failure{};  ///< of all
        std::vector<std::shared_ptr<Waiter>> served{};
    };
    std::unique_ptr<Connection> open(Access access);
    std::unique_ptr<Connection> open_for_diagnosis();
    void become_writable(std::unique_ptr<Connection> writer);
    void check(Connection& connection);
    void upgrade(Connection& connection);
    void look_at_schema(Connection& connection);
    void keep_copy() const;
    void refuse_passing_fault(Connection& writer) const;
    [[nodiscard]] Patience patience_from_now(Waiting waiting) const;
    [[noreturn]] void throw_busy(const std::string& who, const Patience& patience) const;
    void begin_immediate(const Patience& patience);
    void require_same_version(Connection& connection);
    void require_unaltered(Connection& connection);
    void require_readable(Connection& connection) const;
    std::unique_ptr<Connection> borrow();
    void give_back(std::unique_ptr<Connection> connection);
    void set_writer(std::unique_ptr<Connection> writer);
    void require_writer();
    void refuse_altered(const std::vector<std::string>& differences) const;
    void lead(Lane& lane, const Body& body, Grouping grouping, const Patience& patience);
    Group begin_group(const Patience& patience);
    std::exception_ptr take_part(Group& group, const Body& body);
    bool take_back(Group& group, bool has_savepoint);
    void end_group(Group& group, const Patience& patience);
    void roll_back() noexcept;
    void commit();
    void renew() noexcept;
    bool checkpoint_guarded(const Patience& patience);
    void reset_wal(const Patience& patience);
    void shorten_log() noexcept;

    std::filesystem::path file_;
    DatabaseOptions options_;
    WriteQueue queue_;
    long owner_pid_;
    int version_ = 0;
    std::vector<std::string> differences_;  ///< at opening
    int checked_schema_ = 0;                ///< SQLite's count of schema changes when the schema was last found unaltered
    Access read_access_ = Access::read_write;

    // Writers of this process, first come first served.
    std::mutex lane_mutex_;
    std::deque<std::shared_ptr<Waiter>> lane_;

    std::unique_ptr<Connection> writer_;  ///< of whoever is at the front; of lane_mutex_ where nobody is. Null while it is lent
    std::unique_ptr<Connection> checkpointer_;
    int wal_frames_ = 0;  ///< in the WAL after the last commit of this process
    bool wrote_ = false;
    bool poisoned_ = false;  ///< a sync failed: the handles are not used again
    bool writable_ = false;

    std::mutex readers_mutex_;
    std::vector<std::unique_ptr<Connection>> readers_;
};

}  // namespace custody::sqlite
