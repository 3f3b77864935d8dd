#include "graphviz.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include <custody/error.hpp>

#include "output.hpp"

namespace custody::cli {

namespace {

/// Starts dot with `input` as its stdin. Answers its process id.
pid_t start_dot(int input) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);  // ignored in this process, and that would be inherited
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    char name[] = "dot";
    char format[] = "-Tsvg";
    char* const arguments[] = {name, format, nullptr};
    pid_t child = -1;
    const int error = posix_spawnp(&child, name, &files, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (error == ENOENT) {
        throw Error("--format svg needs graphviz, and its command dot is not installed: install graphviz, or use --format dot");
    }
    if (error != 0) throw IoError(fmt::format("can't start graphviz' dot: {}", std::strerror(error)), error);
    return child;
}

/// False where the reader has gone, which its exit status will explain.
bool write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const auto written = write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace

void draw_svg(const std::string& dot_text) {
    flush_output();
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw IoError(fmt::format("can't make a pipe: {}", std::strerror(errno)), errno);
    pid_t child = -1;
    try {
        child = start_dot(ends[0]);
    } catch (...) {
        close(ends[0]);
        close(ends[1]);
        throw;
    }
    close(ends[0]);
    const bool complete = write_all(ends[1], dot_text);
    close(ends[1]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!complete || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        throw Error("graphviz' dot failed to draw the lineage; use --format dot to see its input");
    }
}

}  // namespace custody::cli
