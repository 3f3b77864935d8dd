#pragma once

#include <doctest/doctest.h>
#include <sys/types.h>

#include <custody/artifact_manager.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "support/scratch.hpp"

namespace custody::testing {

/// Instrumented programs are slow, and some tools don't go with them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

/// The driver in a process of its own, its output on a pipe.
class Driver {
   public:
    explicit Driver(const std::vector<std::string>& arguments);
    ~Driver();
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;

    /// The next line of its output; waits for it. Empty at the end.
    std::string line();
    /// Everything that is still to come, up to the end of the output.
    std::vector<std::string> remaining_lines();
    void kill() const;
    /// Waits for its end: exit code, or 128 + signal.
    int wait();

   private:
    pid_t pid_ = -1;
    int output_ = -1;
    std::string buffer_;
};

/// Runs the driver to its end.
Ran drive(const std::string& arguments);

/// How many entries there are of an operation and action, read in the stock shell.
std::int64_t count_entries(const std::filesystem::path& store, const std::string& where);
/// What the stock shell answers, without its last newline.
std::string stock_sql(const std::filesystem::path& store, const std::string& sql);

/// Checks that verify() finds nothing wrong, that seq has no gaps, and that every artifact has its payload.
void check_store(const std::filesystem::path& store);
/// What the next opening of a store that nobody has open makes anew: the log, its index, the queue of writers.
void take_away_log(const std::filesystem::path& store);
/// Findings of a kind in a report.
std::size_t count_findings(const VerifyReport& report, const std::string& kind);

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

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
inline std::string quoted(const std::filesystem::path& path) { return std::string("'").append(path).append("'"); }

}  // namespace custody::testing
