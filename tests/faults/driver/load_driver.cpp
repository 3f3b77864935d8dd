// A load in a process of its own, made to be recorded and killed.
//
// usage: load_driver WORLD SEED STEPS [FILE]    STEPS 0: for ever, and without backups; what it says goes to FILE, line by line,
// else to standard output
#include <fcntl.h>
#include <unistd.h>

#include <exception>
#include <iostream>

#include "faults/driver/load.hpp"

using namespace custody::faults;

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    const int to = argc > 4 ? ::open(argv[4], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : STDOUT_FILENO;
    const auto say = [to](const std::string& line) {
        const auto whole = line + "\n";
        if (::write(to, whole.data(), whole.size()) != static_cast<ssize_t>(whole.size())) ::_exit(99);
    };
    try {
        say("start");
        const auto steps = std::stoull(argv[3]);
        Load load(World(argv[1]), static_cast<unsigned>(std::stoul(argv[2])), say, steps != 0);
        for (std::uint64_t i = 0; steps == 0 || i < steps; ++i) load.step();
    } catch (const std::exception& error) {
        say(std::string("failed: ") + error.what());
        return 1;
    }
    say("closed");
    return 0;
}
