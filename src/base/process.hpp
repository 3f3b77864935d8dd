#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace custody::base {

/// What tells a process from every other one, so that a later one can say whether it still lives.
struct ProcessIdentity {
    std::string boot_id;         ///< /proc/sys/kernel/random/boot_id
    std::int64_t pid_namespace;  ///< inode of /proc/self/ns/pid: a pid means something only inside it; 0 unknown
    std::int64_t pid;
    std::int64_t started_ticks;  ///< field 22 of /proc/<pid>/stat: clock ticks after boot
};

/// Of this process, read anew on each call (a forked child is another process).
ProcessIdentity current_process();

/// Whether that process is certainly gone: another boot, or, in the same pid namespace, no such pid or one that
/// started at another time. False where it can't be told (another pid namespace).
bool is_gone(const ProcessIdentity& process);

/// This start of the machine, and the time since then.
struct Boot {
    std::string boot_id;                 ///< empty where there is no /proc
    std::chrono::milliseconds boottime;  ///< CLOCK_BOOTTIME
};
Boot current_boot();

/// Who runs this program, for audit entries.
struct Agent {
    std::string host;
    std::string os_user;  ///< account of the effective user id; its number where it has no name
    std::int64_t pid;
    std::string program;
    std::int64_t uid;
};
Agent current_agent(const std::string& program_override);

/// The name of an account; its number where it has none.
std::string account_name(std::int64_t uid);

}  // namespace custody::base
