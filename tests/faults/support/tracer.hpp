#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "faults/support/calls.hpp"

namespace custody::faults {

/// A call of the traced program that concerns a file below the root.
struct TracedCall {
    const CallKind* kind;
    pid_t thread;
    Arguments arguments;
    std::string file;
    bool interfered = false;  ///< the tracer had a hand in it
};

/// What becomes of a call.
struct Verdict {
    enum class Kind {
        go,
        kill,     ///< SIGKILL instead of it
        fail,     ///< it isn't made, and answers `error`
        shorten,  ///< it writes half of what it was to write
    } kind = Kind::go;
    int error = 0;
};

/// Sees a program at work, call by call. One thread of the program is stopped while it is told of.
class Observer {
   public:
    Observer() = default;
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;
    virtual ~Observer() = default;

    virtual Verdict entering(const TracedCall& /*call*/) { return {}; }
    virtual void left(const TracedCall& /*call*/, std::int64_t /*result*/) {}
    /// A line that the program has written to its standard output.
    virtual void said(const std::string& /*line*/) {}
};

struct Ended {
    int exit_code = 0;  ///< or 128 + signal
    std::vector<std::string> lines;
    bool timed_out = false;
};

/// Whether programs can be traced here (containers may refuse, and only x86-64 is known).
bool can_trace();

/// Runs a program, tracing all of its threads and children. Its standard output must be written by whole lines.
Ended trace(const std::vector<std::string>& command, const std::filesystem::path& root, Observer& observer,
            std::chrono::seconds patience = std::chrono::seconds(60));

}  // namespace custody::faults
