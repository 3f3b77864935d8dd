#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

namespace custody::faults {

using Arguments = std::array<std::uint64_t, 6>;

/// A system call that has to do with files: which of its arguments are descriptors, and which are paths.
struct CallKind {
    long number;
    const char* name;
    bool changes;        ///< it can change what is on the disk
    int count_argument;  ///< of bytes to write, which can be cut short; -1: none
    std::array<int, 2> descriptors;
    std::array<int, 2> paths;  ///< argument numbers; a path's folder is the argument before it where the kind says so
    bool at;                   ///< each path is relative to the descriptor in the argument before it
};

/// The kind of a system call by its number; nullptr for those that have nothing to do with files.
const CallKind* find_call(long number);

/// What another process has in its memory.
std::string read_memory(pid_t thread, std::uint64_t address, std::size_t size);
/// A text there, up to its NUL.
std::string read_text(pid_t thread, std::uint64_t address);

/// What a descriptor of a process names now; empty where it names no file.
std::string descriptor_path(pid_t thread, int descriptor);
/// The path in an argument of a call, made absolute.
std::string argument_path(pid_t thread, const CallKind& kind, const Arguments& arguments, int argument);
/// The file below `root` that a call concerns, the last one of several; empty where there is none.
std::string touched_file(pid_t thread, const CallKind& kind, const Arguments& arguments, const std::filesystem::path& root);

}  // namespace custody::faults
