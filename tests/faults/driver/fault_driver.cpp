// One operation of the table in a process of its own, made to be killed, failed and cut short.
//
// usage: fault_driver OPERATION WORLD
// Says, each on a line of its own and at once: start · opened | not opened: WHY · done | failed: WHY ·
// then, by the same manager, what the process does next: next done | next failed: WHY · and, after the end of the manager: closed
#include <unistd.h>

#include <exception>
#include <optional>
#include <string>

#include "faults/support/operations.hpp"

using namespace custody;
using namespace custody::faults;

namespace {

void say(std::string line) {
    for (auto& c : line) {
        if (c == '\n') c = ' ';
    }
    line += '\n';
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) ::_exit(99);
}

/// Only custody's own errors may come out.
template <class Body>
bool attempt(const std::string& good, const std::string& bad, const Body& body) {
    try {
        body();
        say(good);
        return true;
    } catch (const Error& error) {
        say(bad + ": " + error.what());
    } catch (const std::exception& error) {
        say(bad + " by what is no error of custody: " + error.what());
    }
    return false;
}

void run(const Operation& operation, const World& world) {
    std::optional<ArtifactManager> manager;
    const auto open = [&] { manager.emplace(world.store(), opening()); };
    if (operation.run_alone) {
        if (!attempt("done", "failed", [&] { operation.run_alone(world); })) return;
        return;
    }
    if (!attempt("opened", "not opened", open)) return;
    attempt("done", "failed", [&] { operation.run(world, *manager); });
    attempt("next done", "next failed", [&] {
        (void)manager->create_artifact({.type = ArtifactType::metadata, .metadata = {{"comes", "next"}}});
    });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const auto& one = operation(argv[1]);
    say("start");
    run(one, World(argv[2]));
    say("closed");
    return 0;
}
