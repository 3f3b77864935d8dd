#include "base/process.hpp"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <vector>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"

namespace custody::base {

namespace {

/// The whole of a small file of /proc, or nothing.
std::string read_proc(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return {};
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string read_boot_id() {
    std::string id = read_proc("/proc/sys/kernel/random/boot_id");
    while (!id.empty() && id.back() == '\n') id.pop_back();
    return id;
}

std::int64_t read_pid_namespace() {
    struct stat info {};
    if (::stat("/proc/self/ns/pid", &info) != 0) return 0;
    return static_cast<std::int64_t>(info.st_ino);
}

/// What /proc/<pid>/stat tells of a process (proc(5)).
struct ProcessState {
    char state = '?';
    std::int64_t threads = 0;
    std::int64_t started_ticks = 0;
};

std::optional<ProcessState> read_state(const std::string& pid) {
    const std::string line = read_proc("/proc/" + pid + "/stat");
    const std::size_t name_end = line.rfind(')');  // the name before it may hold blanks and brackets
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream fields(line.substr(name_end + 1));
    ProcessState state;
    fields >> state.state;
    std::int64_t value = 0;
    for (int field = 4; field <= 22 && fields >> value; ++field) {
        if (field == 20) state.threads = value;
    }
    if (!fields) return std::nullopt;
    state.started_ticks = value;
    return state;
}

std::string host_name() {
    char name[HOST_NAME_MAX + 1] = {};
    if (::gethostname(name, sizeof name - 1) != 0) return "unknown";
    return to_clean_utf8(name);
}

}  // namespace

ProcessIdentity current_process() {
    const auto state = read_state("self");
    return {.boot_id = read_boot_id(),
            .pid_namespace = read_pid_namespace(),
            .pid = ::getpid(),
            .started_ticks = state ? state->started_ticks : 0};
}

bool is_gone(const ProcessIdentity& process) {
    const std::string boot_id = read_boot_id();
    if (boot_id.empty() || process.boot_id.empty()) return false;
    if (boot_id != process.boot_id) return true;
    if (process.pid_namespace == 0 || process.pid_namespace != read_pid_namespace()) return false;
    if (process.pid <= 0 || process.pid > INT_MAX) return true;  // to kill() these would mean a group of processes
    if (::kill(static_cast<pid_t>(process.pid), 0) != 0 && errno == ESRCH) return true;
    const auto state = read_state(std::to_string(process.pid));
    if (!state) return ::kill(static_cast<pid_t>(process.pid), 0) != 0 && errno == ESRCH;
    if (process.started_ticks != 0 && state->started_ticks != process.started_ticks) return true;
    // Ended, and only waiting for its parent to ask. With more threads, just the first of them has ended.
    return (state->state == 'Z' || state->state == 'X') && state->threads <= 1;
}

Boot current_boot() {
    static const std::string boot_id = read_boot_id();  // a process does not outlive its machine's start
    struct timespec time {};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return {boot_id, std::chrono::milliseconds(std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1000000)};
}

Agent current_agent(const std::string& program_override) {
    const uid_t uid = ::geteuid();
    return {.host = host_name(),
            .os_user = account_name(uid),
            .pid = ::getpid(),
            .program = to_clean_utf8(program_override.empty() ? program_invocation_short_name : program_override),
            .uid = static_cast<std::int64_t>(uid)};
}

std::string account_name(std::int64_t uid) {
    std::vector<char> buffer(1024);
    struct passwd entry {};
    struct passwd* found = nullptr;
    int result = 0;
    while ((result = ::getpwuid_r(static_cast<uid_t>(uid), &entry, buffer.data(), buffer.size(), &found)) == ERANGE &&
           buffer.size() < (1U << 20U)) {
        buffer.resize(buffer.size() * 2);
    }
    if (result != 0 || found == nullptr || *found->pw_name == '\0') return std::to_string(uid);
    return to_clean_utf8(found->pw_name);
}

}  // namespace custody::base
