#include "bench/harness/child.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace custody::bench {

namespace {

[[noreturn]] void fail(const std::string& doing) { throw std::system_error(errno, std::generic_category(), doing); }

// A started child; its stdout is a pipe to us, or nowhere.
struct Child {
    Command command;
    pid_t pid = -1;
    int out = -1;
};

// Between fork and exec only what is safe there: another thread may hold any lock.
[[noreturn]] void become(std::vector<char*>& arguments, const char* input, int out) {
    const int in = ::open(input, O_RDONLY);
    ::dup2(in, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::execvp(arguments.front(), arguments.data());
    ::_exit(127);
}

Child start(const Command& command, bool piped, const std::string& input = {}) {
    std::array<int, 2> ends{-1, -1};
    if (piped && ::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
    if (!piped && (ends[1] = ::open("/dev/null", O_WRONLY | O_CLOEXEC)) < 0) fail("/dev/null");
    std::vector<char*> arguments;
    for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const auto pid = ::fork();
    if (pid < 0) fail("fork");
    if (pid == 0) become(arguments, input.empty() ? "/dev/null" : input.c_str(), ends[1]);
    ::close(ends[1]);
    return {command, pid, ends[0]};
}

std::string read_all(int file) {
    std::string text;
    std::array<char, 65536> buffer{};
    for (ssize_t got = 0; (got = ::read(file, buffer.data(), buffer.size())) > 0;) {
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    ::close(file);
    return text;
}

rusage wait(const Child& child) {
    int status = 0;
    rusage usage{};
    if (::wait4(child.pid, &status, 0, &usage) < 0) fail("wait4");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::string said;
        for (const auto& argument : child.command) said.append(said.empty() ? "" : " ").append(argument, 0, 100);
        throw std::runtime_error("ended with status " + std::to_string(status) + ": " + said.substr(0, 1000));
    }
    return usage;
}

}  // namespace

void run(const Command& command, const std::string& input) { (void)wait(start(command, false, input)); }

std::string output_of(const Command& command) {
    const auto child = start(command, true);
    auto text = read_all(child.out);
    (void)wait(child);
    return text;
}

Ended metered(const Command& command) {
    auto whole = worker("meter");
    whole.insert(whole.end(), command.begin(), command.end());
    std::istringstream said(output_of(whole));
    Ended ended{};
    double kib = 0;
    if (!(said >> ended.seconds >> kib >> ended.out_bytes)) throw std::runtime_error("the meter said nothing");
    ended.peak_mib = kib / 1024;
    return ended;
}

int meter(const Command& command) {
    const auto begin = std::chrono::steady_clock::now();
    const auto child = start(command, true);
    std::uint64_t bytes = 0;
    std::array<char, 65536> buffer{};
    for (ssize_t got = 0; (got = ::read(child.out, buffer.data(), buffer.size())) > 0;) bytes += static_cast<std::uint64_t>(got);
    const auto usage = wait(child);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::cout << seconds.count() << ' ' << usage.ru_maxrss << ' ' << bytes << '\n';
    return 0;
}

std::vector<std::string> outputs_of(const std::vector<Command>& commands) {
    std::vector<Child> children;
    for (const auto& command : commands) children.push_back(start(command, true));
    std::vector<std::string> texts;
    for (const auto& child : children) texts.push_back(read_all(child.out));
    for (const auto& child : children) (void)wait(child);
    return texts;
}

bool is_installed(const std::string& program) {
    const char* path = std::getenv("PATH");
    std::istringstream folders(path == nullptr ? "" : path);
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (::access((std::filesystem::path(folder) / program).c_str(), X_OK) == 0) return true;
    }
    return false;
}

Command worker(const std::string& kind) { return {std::filesystem::read_symlink("/proc/self/exe").string(), "--worker", kind}; }

}  // namespace custody::bench
