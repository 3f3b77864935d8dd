#pragma once

#include <custody/artifact_manager.hpp>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "audit/entry.hpp"
#include "audit/sealing.hpp"
#include "base/process.hpp"
#include "blobs/blob_store.hpp"
#include "blobs/durable.hpp"
#include "catalog/runs.hpp"
#include "catalog/store.hpp"
#include "manager/grouped_reads.hpp"
#include "manager/layout.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/database.hpp"

namespace custody {

/// What every operation of the facade stands on: the open store, and the one place where operations become
/// transactions and audit entries. The operations themselves are in the files beside this one.
class ManagerImpl {
   public:
    /// @throws as ArtifactManager's constructor
    ManagerImpl(manager::Layout layout, ManagerOptions options);
    /// The same store in somebody else's name, or for another purpose; keeps `root` open.
    ManagerImpl(const std::shared_ptr<ManagerImpl>& root, const Attribution& attribution);
    ~ManagerImpl();
    ManagerImpl(const ManagerImpl&) = delete;
    ManagerImpl& operator=(const ManagerImpl&) = delete;

    /// A draft of an entry in this manager's name.
    [[nodiscard]] audit::Draft draft(const char* operation, const char* action) const;

    /// Writes entries inside the transaction of a change.
    class Recorder {
       public:
        Recorder(ManagerImpl& manager, sqlite::Connection& connection, audit::ClockJump jump);
        /// Appends the entry; it stands or falls with the transaction.
        std::int64_t append(const audit::Draft& draft);
        void finish() { writer_.finish(); }
        [[nodiscard]] std::uint64_t size() const { return writer_.size(); }

       private:
        ManagerImpl& manager_;
        audit::Writer writer_;
    };

    /// A change: `body` and the entry are one transaction. What `body` adds to the draft is in the entry. Where it throws one of
    /// custody's errors nothing is changed, and an entry of the failure gets a transaction of its own.
    void change(audit::Draft& draft, const std::function<void(sqlite::Connection&, Recorder&)>& body,
                sqlite::Grouping grouping = sqlite::Grouping::joins);
    /// As change(), for operations whose entries `body` appends itself (one for each of many).
    void change_many(audit::Draft& draft, const std::function<void(sqlite::Connection&, Recorder&)>& body,
                     sqlite::Grouping grouping = sqlite::Grouping::alone);

    /// The bare transaction of a change whose failure the caller records itself.
    void transact(const std::function<void(sqlite::Connection&, Recorder&)>& body,
                  sqlite::Grouping grouping = sqlite::Grouping::alone);

    /// A read: `body` sees one moment, then the entry is written, then the answer is the caller's. `handing_out`: a payload or
    /// its path is given away, which is recorded even where entries of reads are switched off.
    void look(audit::Draft& draft, const std::function<void(sqlite::Connection&)>& body, bool handing_out = false);

    /// Runs a step before any transaction (staging, validation); its failure is recorded as the operation's.
    template <class Step>
    auto attempt(audit::Draft& draft, Step&& step) {
        try {
            return step();
        } catch (const InvalidState&) {
            throw;  // a forked child's: nothing can be written through this manager
        } catch (const Error& error) {
            record_failure(draft, error, {});
            throw;
        } catch (const std::exception& error) {
            fail_foreign(error, [&](const Error& failure) { record_failure(draft, failure, {}); });
        }
    }

    /// What is no error of custody (no memory, a caller's own in a callback): recorded all the same, and let out as one of
    /// custody's; std::bad_alloc as it is. Call in a handler.
    [[noreturn]] static void fail_foreign(const std::exception& error, const std::function<void(const Error&)>& record);

    /// Writes the entry of an operation that is no change of the catalog.
    void record(audit::Draft& draft);
    /// The same for a read: dropped where entries of reads are switched off, unless a payload is handed out.
    void record_read(audit::Draft& draft, bool handing_out);
    /// Writes the entry of a failure, or remembers that it couldn't be written and throws the error with that said. Call in a
    /// handler.
    void record_failure(audit::Draft& draft, const Error& error, const std::function<void(sqlite::Connection&)>& clean_up);

    /// The caller's error text as it may be stored: valid UTF-8, what the guard knows withheld.
    [[nodiscard]] std::string clean_message(const std::string& message) const;
    /// The same of what tells of a failure, which must not become another one: too long a message is cut to 64 KiB.
    [[nodiscard]] std::string clean_failure(const std::string& message) const;
    /// Checks metadata or a configuration, and answers its text. @throws InvalidArgument, Refused
    std::string checked_object(const json& value, const std::string& text, const char* what, bool allow_phi,
                               audit::Draft& draft) const;
    /// The same of what the original took, which is taken whatever its size: the limits are for those who write it anew.
    void check_imported_object(const std::string& text, const char* what, bool allow_phi, audit::Draft& draft) const;

    /// Writes the entries of reads that wait. @throws Busy, IoError
    void flush_reads();

    // Keys and seals.
    [[nodiscard]] audit::TrailName trail_name() const;
    /// The key in the file; without one, the manager's own, or none. @throws IoError, InvalidArgument
    [[nodiscard]] std::shared_ptr<const audit::SigningKey> signing_key(const std::filesystem::path& file) const;
    Seal seal_now(sqlite::Connection& connection, Recorder& recorder, const audit::SigningKey& key, audit::Draft& draft) const;
    void seal_if_due(sqlite::Connection& connection, Recorder& recorder);

    /// @throws InvalidArgument where the path lies within the store's own folder
    void refuse_inside_store(const std::filesystem::path& path, const char* what) const;

    // Runs of this process, by the thread that started them.
    void push_run(const RunId& run, const catalog::RunContext& context);
    void pop_run(const RunId& run);
    [[nodiscard]] std::optional<RunId> innermost_run() const;
    /// The run that a new artifact joins, checked: it exists and goes on. @throws NotFound, Conflict
    std::optional<catalog::RunKey> join_run(sqlite::Connection& connection, const std::optional<RunId>& run,
                                            audit::Draft& draft) const;
    void end_run(const RunId& run, ArtifactStatus status, const char* reason, const std::string& error_message);
    void end_dead_runs();

    /// @throws InvalidArgument where a caller would have something written into the store itself; temp_folder() is the caller's
    void refuse_own(const std::filesystem::path& output) const;

    void suspend();
    void resume();

    [[nodiscard]] std::filesystem::path temp_folder();
    std::size_t empty_temp(bool of_dead_processes);

    const manager::Layout& layout() const { return layout_; }
    const std::filesystem::path& storage_path() const { return storage_; }
    const ManagerOptions& options() const { return options_; }
    const catalog::StoreRow& store() const { return *shared_->store; }
    sqlite::Database& database() {
        if (!shared_->database) throw InvalidState("the store is suspended; resume it first");
        return *shared_->database;
    }
    blobs::BlobStore& blobs() { return *shared_->blobs; }
    const blobs::BlobStore& blobs() const { return *shared_->blobs; }
    const base::Agent& agent() const { return agent_; }
    [[nodiscard]] std::string user() const;
    /// What a run says of whom it is for and why, unless the call says something else.
    void attribute(audit::Draft& draft, const catalog::RunContext& context) const;

   private:
    struct OpenRun {
        RunId id;
        catalog::RunContext context;
    };
    /// What all that speak for one open store share.
    struct Shared {
        std::unique_ptr<sqlite::Database> database{};
        std::optional<catalog::StoreRow> store{};
        std::unique_ptr<blobs::BlobStore> blobs{};
        std::shared_ptr<const audit::SigningKey> signing_key{};

        mutable std::mutex mutex{};  // guards what follows
        std::map<std::thread::id, std::vector<OpenRun>> runs{};
        std::unique_ptr<blobs::ProcessFolder> temp{};
        json unrecorded = json::array();
    };

    void transact(audit::ClockJump jump, sqlite::Grouping grouping, sqlite::Waiting waiting,
                  const std::function<void(sqlite::Connection&, Recorder&)>& body);
    std::vector<audit::Draft> reads_or_none();
    void guard_phi(const json& object, const char* what, bool allow_phi, audit::Draft& draft) const;
    [[nodiscard]] sqlite::MigrationStep migration_step() const;
    void remember_unrecorded(const audit::Draft& draft);
    void open_database();
    void begin_grouping_reads();
    void open_signing_key();
    [[nodiscard]] std::optional<OpenRun> innermost() const;
    /// As long as it lives this thread is at work for another one, in whose runs what it writes belongs.
    class Serving {
       public:
        explicit Serving(std::thread::id whose);
        Serving(const Serving&) = delete;
        Serving& operator=(const Serving&) = delete;
        ~Serving();

       private:
        std::thread::id before_;
    };
    /// A store that is open for diagnosis has no entries that wait.
    [[nodiscard]] bool groups_reads() const { return root_ ? root_->reads_ != nullptr : reads_ != nullptr; }
    [[nodiscard]] GroupedReads& reads() { return root_ ? *root_->reads_ : *reads_; }

    manager::Layout layout_;
    std::filesystem::path storage_;
    ManagerOptions options_;
    base::Agent agent_;
    Attribution call_{};  ///< of a call, which goes before that of a run
    std::shared_ptr<Shared> shared_;
    std::shared_ptr<ManagerImpl> root_{};
    std::unique_ptr<GroupedReads> reads_{};  ///< of the root alone; it ends before what it writes to
};

namespace manager {

/// Throws the current exception anew, of the same class, with more said. Call in a handler.
[[noreturn]] void rethrow_with(const std::string& addition);

/// What the tables store and schema_migrations say once an entry was made or upgraded, for the entry that tells of it.
void add_schema_facts(sqlite::Connection& connection, json& details);

/// @throws InvalidArgument unless the text is clean UTF-8 of at most so many bytes
void require_text(const std::string& text, const char* what, std::size_t max_bytes);

}  // namespace manager
}  // namespace custody
