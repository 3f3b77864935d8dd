// Many processes at once that ingest, link, clean, collect, export, and open the store anew, some of them killed at any moment,
// while others look everything over. Each writes down what was acknowledged to it; in the end all of that is there.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>

#include "faults/driver/load.hpp"
#include "faults/support/program.hpp"
#include "faults/support/state.hpp"

using namespace custody;
using namespace custody::faults;

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* usage =
    "usage: faults_soak [--seconds=N] [--processes=N] [--seed=N]\nRuns for N (8) seconds with N (4) processes.\n";

struct Process {
    pid_t pid;
    std::filesystem::path notes;
};

Process start(const World& world, std::uint64_t seed, std::size_t number) {
    const auto notes = world.root() / ("notes-" + std::to_string(number));
    const std::vector<std::string> words{LOAD_DRIVER, world.root().string(), std::to_string(seed & 0xffffffU), "0",
                                         notes.string()};
    std::vector<char*> list;
    for (const auto& word : words) list.push_back(const_cast<char*>(word.c_str()));
    list.push_back(nullptr);
    const auto pid = ::fork();
    if (pid != 0) return {pid, notes};
    ::execv(list[0], list.data());
    ::_exit(127);
}

/// Ends it, and takes down what was acknowledged. A line that was cut by the kill was not.
void end(const Process& process, Acknowledged& all, Problems& problems) {
    ::kill(process.pid, SIGKILL);
    int status = 0;
    ::waitpid(process.pid, &status, 0);
    if (!WIFSIGNALED(status)) problems.push_back("a process ended by itself, with " + std::to_string(WEXITSTATUS(status)));
    std::ifstream in(process.notes);
    for (std::string line; std::getline(in, line);) {
        if (in.eof()) break;
        if (line.starts_with("failed")) problems.push_back("a process " + line);
        all.add(line);
    }
    std::filesystem::remove(process.notes);
}

/// What an auditor does meanwhile: everything must be right at any moment.
void look_over(const World& world, Problems& problems) {
    ArtifactManager manager(world.store(), {.actor = "auditor", .create = false});
    for (const auto& finding : manager.verify().findings) {
        if (finding.severity == Finding::Severity::error)
            problems.push_back("meanwhile: " + finding.kind + " " + finding.message);
    }
}

/// How often catalog.db was seen to have changed: only checkpoints write to it.
class Checkpoints {
   public:
    explicit Checkpoints(const World& world)
        : file_(world.store() / "storage/catalog.db"), last_(std::filesystem::last_write_time(file_)) {}
    void look() {
        const auto time = std::filesystem::last_write_time(file_);
        if (time != last_) ++count_;
        last_ = time;
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }

   private:
    std::filesystem::path file_;
    std::filesystem::file_time_type last_;
    std::uint64_t count_ = 0;
};

int soak(const CommandLine& line) {
    const auto seed = line.number("seed", std::random_device{}());
    std::cout << "seed " << seed << std::endl;
    std::mt19937_64 random(seed);
    const Folder folder;
    const World world(folder.path());
    { ArtifactManager first(world.store(), {.actor = "harness"}); }
    const auto until = Clock::now() + std::chrono::seconds(line.number("seconds", 8));
    std::vector<Process> processes;
    std::size_t started = 0;
    std::uint64_t kills = 0;
    std::uint64_t looks = 0;
    Checkpoints checkpoints(world);
    Acknowledged all;
    Verdicts verdicts;
    Problems problems;
    while (Clock::now() < until) {
        while (processes.size() < line.number("processes", 4)) processes.push_back(start(world, random(), started++));
        ::usleep(static_cast<useconds_t>(random() % 400000));
        std::swap(processes[random() % processes.size()], processes.back());
        end(processes.back(), all, problems);
        processes.pop_back();
        ++kills;
        checkpoints.look();
        if (kills % 4 == 0) {
            look_over(world, problems);
            ++looks;
        }
    }
    for (const auto& process : processes) end(process, all, problems);
    (void)all.check(world, problems);
    check_store(world, problems);
    verdicts.add("soak, seed " + std::to_string(seed), problems);
    std::cout << started << " processes, " << kills + processes.size() << " kills, " << looks << " verifications and at least "
              << checkpoints.count() << " checkpoints meanwhile, " << all.all() << " acknowledgements (" << all.creates()
              << " creates)" << std::endl;
    if (all.creates() == 0) verdicts.add("soak", {"nothing was acknowledged"});
    if (checkpoints.count() == 0) verdicts.add("soak", {"no checkpoint was made"});
    return verdicts.finish();
}

}  // namespace

int main(int argc, char** argv) {
    const CommandLine line(argc, argv, usage);
    try {
        return soak(line);
    } catch (const std::exception& error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
}
