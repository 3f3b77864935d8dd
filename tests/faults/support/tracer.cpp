// A tracer of system calls: what strace's injection does, with one count over all calls, for the files of one folder.
#include "faults/support/tracer.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace custody::faults {

namespace {

constexpr long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                         PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;

#ifdef __x86_64__
user_regs_struct registers_of(pid_t thread) {
    user_regs_struct registers{};
    ::ptrace(PTRACE_GETREGS, thread, nullptr, &registers);
    return registers;
}

// A call of number -1 is not made.
void skip_call(pid_t thread) {
    auto registers = registers_of(thread);
    registers.orig_rax = ~0ULL;
    ::ptrace(PTRACE_SETREGS, thread, nullptr, &registers);
}

void set_result(pid_t thread, int error) {
    auto registers = registers_of(thread);
    registers.rax = static_cast<unsigned long long>(-static_cast<long long>(error));
    ::ptrace(PTRACE_SETREGS, thread, nullptr, &registers);
}

void set_argument(pid_t thread, int argument, std::uint64_t value) {
    auto registers = registers_of(thread);
    unsigned long long* const fields[] = {&registers.rdi, &registers.rsi, &registers.rdx,
                                          &registers.r10, &registers.r8,  &registers.r9};
    *fields[argument] = value;
    ::ptrace(PTRACE_SETREGS, thread, nullptr, &registers);
}
#else
void skip_call(pid_t) {}
void set_result(pid_t, int) {}
void set_argument(pid_t, int, std::uint64_t) {}
#endif

std::vector<char*> pointers(const std::vector<std::string>& words) {
    std::vector<char*> list;
    for (const auto& word : words) list.push_back(const_cast<char*>(word.c_str()));
    list.push_back(nullptr);
    return list;
}

std::vector<std::string> environment() {
    std::vector<std::string> variables{"ASAN_OPTIONS=detect_leaks=0"};  // leaks can't be looked for under a tracer
    for (char** variable = environ; *variable != nullptr; ++variable) {
        if (!std::string_view(*variable).starts_with("ASAN_OPTIONS=")) variables.emplace_back(*variable);
    }
    return variables;
}

// Other threads of the harness are at work: from fork to exec nothing may allocate, a lock of the allocator may be another's.
pid_t start(const std::vector<std::string>& command) {
    const auto arguments = pointers(command);
    const auto variables = environment();
    const auto variable_list = pointers(variables);
    const auto child = ::fork();
    if (child != 0) return child;
    const int nowhere = ::open("/dev/null", O_RDWR);
    ::dup2(nowhere, STDIN_FILENO);
    ::dup2(nowhere, STDOUT_FILENO);  // what it says is read from the calls by which it says it
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    ::execve(arguments[0], arguments.data(), variable_list.data());
    ::_exit(127);
}

/// Kills a program that takes too long.
class Watchdog {
   public:
    Watchdog(pid_t program, std::chrono::seconds patience, bool& barked)
        : thread_([this, program, patience, &barked] {
              std::unique_lock lock(mutex_);
              if (over_.wait_for(lock, patience, [this] { return is_over_; })) return;
              barked = true;
              ::kill(program, SIGKILL);
          }) {}
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;
    ~Watchdog() {
        {
            const std::lock_guard lock(mutex_);
            is_over_ = true;
        }
        over_.notify_one();
        thread_.join();
    }

   private:
    std::mutex mutex_;
    std::condition_variable over_;
    bool is_over_ = false;
    std::thread thread_;
};

class Tracing {
   public:
    Tracing(std::filesystem::path root, Observer& observer) : root_(std::move(root)), observer_(observer) {}

    Ended run(const std::vector<std::string>& command, std::chrono::seconds patience) {
        program_ = start(command);
        if (program_ < 0) throw std::runtime_error("fork failed");
        int status = 0;
        if (::waitpid(program_, &status, 0) != program_ || !WIFSTOPPED(status)) throw std::runtime_error("can't trace here");
        ::ptrace(PTRACE_SETOPTIONS, program_, nullptr, options);
        const Watchdog watchdog(program_, patience, ended_.timed_out);
        ::ptrace(PTRACE_SYSCALL, program_, nullptr, 0);
        while (!over_) {
            const auto thread =
                ::waitpid(-1, &status, __WALL | __WNOTHREAD);  // what other threads of the harness trace is theirs
            if (thread > 0) {
                stopped(thread, status);
            } else if (errno != EINTR) {
                break;
            }
        }
        return std::move(ended_);
    }

   private:
    void stopped(pid_t thread, int status) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            calls_.erase(thread);
            if (thread == program_) {
                ended_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
                over_ = true;
            }
            return;
        }
        const int signal = WSTOPSIG(status);
        int passed_on = 0;
        if (signal == (SIGTRAP | 0x80)) {
            at_call(thread);
        } else if (signal != SIGTRAP && signal != SIGSTOP) {
            passed_on = signal;
        }
        ::ptrace(PTRACE_SYSCALL, thread, nullptr, passed_on);
    }

    void at_call(pid_t thread) {
        __ptrace_syscall_info info{};
        if (::ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0) return;
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) return enter(thread, info);
        if (info.op == PTRACE_SYSCALL_INFO_EXIT) leave(thread, info.exit.rval);
    }

    void enter(pid_t thread, const __ptrace_syscall_info& info) {
        const auto* kind = find_call(static_cast<long>(info.entry.nr));
        if (kind == nullptr) return;
        TracedCall call{kind, thread, {}, {}};
        for (std::size_t i = 0; i < call.arguments.size(); ++i) call.arguments[i] = info.entry.args[i];
        call.file = touched_file(thread, *kind, call.arguments, root_);
        const bool speaks = kind->number == SYS_write && call.arguments[0] == STDOUT_FILENO && thread_of_program(thread);
        if (call.file.empty() && !speaks) return;
        Pending pending{call, {}, speaks};
        if (!call.file.empty()) {
            pending.verdict = observer_.entering(call);
            interfere(pending);
        }
        calls_[thread] = pending;
    }

    struct Pending {
        TracedCall call;
        Verdict verdict;
        bool speaks;
    };

    [[nodiscard]] bool thread_of_program(pid_t thread) const {
        return thread == program_ ||
               ::access(("/proc/" + std::to_string(program_) + "/task/" + std::to_string(thread)).c_str(), F_OK) == 0;
    }

    void interfere(Pending& pending) const {
        const auto& call = pending.call;
        switch (pending.verdict.kind) {
            case Verdict::Kind::go:
                return;
            case Verdict::Kind::kill:
                ::kill(program_, SIGKILL);
                break;
            case Verdict::Kind::fail:
                skip_call(call.thread);
                break;
            case Verdict::Kind::shorten: {
                const auto argument = call.kind->count_argument;
                if (argument < 0) return;
                const auto count = call.arguments.at(static_cast<std::size_t>(argument));
                set_argument(call.thread, argument, count > 1 ? count / 2 : count);
                break;
            }
        }
        pending.call.interfered = true;
    }

    void leave(pid_t thread, std::int64_t result) {
        const auto found = calls_.find(thread);
        if (found == calls_.end()) return;
        const auto pending = found->second;
        calls_.erase(found);
        if (pending.verdict.kind == Verdict::Kind::fail) {
            set_result(thread, pending.verdict.error);
            result = -pending.verdict.error;
        }
        if (pending.speaks) return speak(pending.call, result);
        observer_.left(pending.call, result);
    }

    void speak(const TracedCall& call, std::int64_t result) {
        if (result <= 0) return;
        text_ += read_memory(call.thread, call.arguments[1], static_cast<std::size_t>(result));
        for (auto end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
            ended_.lines.push_back(text_.substr(0, end));
            text_.erase(0, end + 1);
            observer_.said(ended_.lines.back());
        }
    }

    std::filesystem::path root_;
    Observer& observer_;
    pid_t program_ = -1;
    std::map<pid_t, Pending> calls_;
    std::string text_;
    Ended ended_;
    bool over_ = false;
};

}  // namespace

Ended trace(const std::vector<std::string>& command, const std::filesystem::path& root, Observer& observer,
            std::chrono::seconds patience) {
    return Tracing(root, observer).run(command, patience);
}

bool can_trace() {
#ifdef __x86_64__
    static const bool can = [] {
        Observer observer;
        try {
            return trace({"/bin/true"}, "/nowhere", observer).exit_code == 0;
        } catch (const std::exception&) {
            return false;
        }
    }();
    return can;
#else
    return false;
#endif
}

}  // namespace custody::faults
