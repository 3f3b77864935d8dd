#include "graphviz.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <custody/error.hpp>

#include "output.hpp"

namespace custody::cli {

namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

/// Starts dot with these as its stdin and stdout. Answers its process id.
pid_t start_dot(int input, int output) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
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

/// A file in memory, which is no longer there once it is closed.
File make_file() {
    const int descriptor = memfd_create("lineage", MFD_CLOEXEC);
    File file(descriptor < 0 ? nullptr : fdopen(descriptor, "w+"), std::fclose);
    if (!file) throw IoError(fmt::format("can't make a file in memory: {}", std::strerror(errno)), errno);
    return file;
}

std::string read_all(std::FILE* file) {
    std::rewind(file);
    std::string text;
    char piece[65536];
    while (const auto count = std::fread(piece, 1, sizeof piece, file)) text.append(piece, count);
    return text;
}

}  // namespace

// Not straight to stdout: dot says nothing where it can't write its output.
void draw_svg(const std::string& dot_text) {
    const auto input = make_file(), output = make_file();
    if (std::fwrite(dot_text.data(), 1, dot_text.size(), input.get()) != dot_text.size() || std::fflush(input.get()) != 0) {
        throw IoError(fmt::format("can't write the graph for dot: {}", std::strerror(errno)), errno);
    }
    std::rewind(input.get());
    const auto child = start_dot(fileno(input.get()), fileno(output.get()));
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        throw Error("graphviz' dot failed to draw the lineage; use --format dot to see its input");
    }
    put_text(read_all(output.get()));
}

}  // namespace custody::cli
