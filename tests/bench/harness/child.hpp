#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace custody::bench {

/// Arguments of a command, the program first.
using Command = std::vector<std::string>;

/// What became of a child that was waited for.
struct Ended {
    double seconds;
    double peak_mib;          ///< of its own memory, by wait4
    std::uint64_t out_bytes;  ///< that it wrote to stdout
};

/// Runs it with stdin from a file (or /dev/null), and stdout to nowhere. @throws where it ends with anything but 0
void run(const Command& command, const std::string& input = {});

/// Runs it and answers what it wrote to stdout. @throws where it ends with anything but 0
std::string output_of(const Command& command);

/// Runs it with its stdout in a pipe that is read to the end, from a process that is small itself: what the system counts as a
/// child's peak includes that of its parent at the time of the fork.
Ended metered(const Command& command);

/// Starts them all at once and answers what each wrote to stdout, once all have ended. @throws where one ends with anything but 0
std::vector<std::string> outputs_of(const std::vector<Command>& commands);

/// Whether a program of this name is on the PATH.
bool is_installed(const std::string& program);

/// The metered side: runs the rest of the arguments, and prints seconds, KiB and bytes. Answers its exit code.
int meter(const Command& command);

/// This program, to be started anew as a worker.
Command worker(const std::string& kind);

}  // namespace custody::bench
