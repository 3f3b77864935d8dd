#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <custody/artifact_manager.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "support/scratch.hpp"

struct sqlite3;

namespace custody::testing {

/// A handle on a store's database that is not the library's, as an intruder or a reviewer would have one.
class Raw {
   public:
    enum class As {
        stranger,  ///< the stock shell: guards refuse its writes
        writer,    ///< knows custody_writer(), so that only the other rules stand in its way
        intruder   ///< has switched the triggers off: every edit goes through
    };
    explicit Raw(const std::filesystem::path& base, As as = As::stranger);
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;
    ~Raw();

    /// Runs statements. @throws std::runtime_error with SQLite's message
    void run(const std::string& sql);
    /// SQLite's message where the statement is refused; empty where it went through.
    std::string refusal(const std::string& sql);
    std::vector<std::vector<std::string>> rows(const std::string& sql);
    std::string text(const std::string& sql);
    std::int64_t number(const std::string& sql);

   private:
    sqlite3* handle_ = nullptr;
};

/// A new store in a scratch folder, opened.
struct Store {
    explicit Store(ManagerOptions options = {.actor = "tester"});
    Scratch scratch;
    std::filesystem::path base;
    mutable ArtifactManager manager;

    /// What reads have left to be written is written first.
    [[nodiscard]] Raw raw(Raw::As as = Raw::As::stranger) const;
    /// Rows of every table of the catalog (not of the trail).
    [[nodiscard]] std::map<std::string, std::int64_t> rows() const;
    [[nodiscard]] std::int64_t entry_count() const;
    /// The newest entry's stored line.
    [[nodiscard]] json last_entry() const;
    /// Stored lines of an operation and action, oldest first.
    [[nodiscard]] std::vector<json> entries(const std::string& operation, const std::string& action) const;
    /// Every file of the store but the database's own, relative to the base.
    [[nodiscard]] std::set<std::string> files() const;
    /// Where a payload is.
    [[nodiscard]] std::filesystem::path blob(const Artifact& artifact) const;

    Artifact add(const ArtifactType& type, const std::string& content, const std::vector<ArtifactId>& sources = {});
    Artifact add_bare(const ArtifactType& type = ArtifactType::metadata, const std::vector<ArtifactId>& sources = {});
    /// So many artifacts without payloads, by the catalog alone: for graphs too large to be made one by one.
    std::vector<ArtifactId> add_many(std::size_t count);
    /// (output, source) by position in `ids`, in one transaction.
    void link_many(const std::vector<ArtifactId>& ids, const std::vector<std::pair<std::size_t, std::size_t>>& edges);
};

/// What the store holds, to be compared before and after something that must leave nothing but one entry.
struct Trace {
    explicit Trace(const Store& store)
        : store_(store), rows_(store.rows()), files_(store.files()), entries_(store.entry_count()) {}
    /// Checks that rows and files are what they were and that there are so many entries more.
    void check_unchanged(std::int64_t new_entries = 1) const;

   private:
    const Store& store_;
    std::map<std::string, std::int64_t> rows_;
    std::set<std::string> files_;
    std::int64_t entries_;
};

/// The message of the exception of type E that `run` throws; fails the test where it doesn't.
template <class E, class Run>
std::string message_of(const Run& run) {
    try {
        run();
    } catch (const E& error) {
        return error.what();
    }
    FAIL("nothing was thrown");
    return {};
}

/// Writes over a payload in place, as somebody with the rights to do so might; size and time change or stay with the content.
void tamper(const std::filesystem::path& payload, const std::string& content);

/// Runs it in a child process, which is not waited for. Not beside other threads: what they hold is held in the child for ever.
pid_t start_child(const std::function<int()>& run);
/// Its exit code (what `run` returned), or 200 where it threw.
int wait_for(pid_t child);
/// Both in one.
int in_child(const std::function<int()>& run);

/// The whole stream.
std::string read_all(PayloadStream& stream);

/// Kinds of what a verification found, notes included.
std::multiset<std::string> kinds(const VerifyReport& report);

}  // namespace custody::testing
