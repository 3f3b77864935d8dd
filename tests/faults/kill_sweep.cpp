// SIGKILL at the calls of each operation by which it touches the store's files, from its opening to its close: then the store
// opens, verifies, holds the operation wholly or not at all, and takes the next change.
#include <atomic>
#include <csignal>
#include <random>

#include "faults/support/program.hpp"
#include "faults/support/subject.hpp"
#include "faults/support/tracer.hpp"

using namespace custody;
using namespace custody::faults;

namespace {

constexpr const char* usage =
    "usage: faults_kill_sweep [--all] [--points=N] [--operation=NAME]\n"
    "Without --all each operation is killed at about N (20) of the calls that change something, others in each run.\n";

/// Counts calls, and kills at one of them.
class Killer : public Observer {
   public:
    Killer(bool all_calls, std::uint64_t at) : all_calls_(all_calls), at_(at) {}
    Verdict entering(const TracedCall& call) override {
        if (!started_ || is_notebook(call.file) || !(all_calls_ || call.kind->changes)) return {};
        if (++count_ != at_) return {};
        killed_at_ = std::string(call.kind->name) + " " + call.file;
        return {Verdict::Kind::kill, 0};
    }
    void said(const std::string& line) override {
        if (line == "start") started_ = true;
        if (line == "done") acknowledged_ = true;
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] bool acknowledged() const { return acknowledged_; }
    [[nodiscard]] const std::string& killed_at() const { return killed_at_; }

   private:
    bool all_calls_;
    std::uint64_t at_;
    std::uint64_t count_ = 0;
    bool started_ = false;
    bool acknowledged_ = false;
    std::string killed_at_;
};

/// One kill, and what came of it.
bool kill_once(const Subject& subject, const World& world, bool all_calls, std::uint64_t at, Verdicts& verdicts) {
    (void)subject.before.copy_to(world.root());
    Killer killer(all_calls, at);
    const auto ended = trace(command(subject, world), world.root(), killer);
    Problems problems;
    const bool killed = ended.exit_code == 128 + SIGKILL && !ended.timed_out;
    if (!killed && at <= killer.count()) problems.emplace_back("it survived");
    for (const auto& line : ended.lines) {
        if (line.find("failed") != std::string::npos || line.find("not opened") != std::string::npos) problems.push_back(line);
    }
    try {
        const auto state = state_of(world);
        check_wholly_there_or_not(subject, state, killer.acknowledged(), problems);
        if (subject.operation.check) subject.operation.check(world, killer.acknowledged(), problems);
        if (subject.operation.run_alone) subject.operation.run_alone(world);  // once more, which finishes it
        check_store(world, problems);
    } catch (const std::exception& error) {
        problems.emplace_back(error.what());
    }
    verdicts.add(subject.operation.name + " killed at " + std::to_string(at) + " (" + killer.killed_at() + ")", problems);
    return killed;
}

/// A run that nothing happens to, for the number of its calls.
std::uint64_t count_calls(const Subject& subject, const World& world, bool all_calls) {
    (void)subject.before.copy_to(world.root());
    Killer counter(all_calls, 0);
    const auto ended = trace(command(subject, world), world.root(), counter);
    if (!ended.lines.empty() && ended.lines.back() == "closed") return counter.count();
    std::string said;
    for (const auto& line : ended.lines) said += line + "; ";
    throw std::runtime_error(subject.operation.name + " fails without any fault: " + said);
}

void sweep(const Operation& operation, const CommandLine& line, Verdicts& verdicts, std::atomic<std::uint64_t>& all_kills) {
    const Folder folder;
    const bool all = line.has("all");
    const auto subject = prepare(operation, folder.path());
    const World world(folder.path() / "world");
    const auto calls = count_calls(subject, world, all);
    const auto every = all ? 1 : std::max<std::uint64_t>(1, calls / line.number("points", 20));
    std::uint64_t kills = 0;
    for (std::uint64_t at = 1 + std::random_device{}() % every; at <= calls; at += every) {
        kills += kill_once(subject, world, all, at, verdicts) ? 1 : 0;
    }
    all_kills += kills;
    verdicts.say(operation.name + ": killed at " + std::to_string(kills) + " of " + std::to_string(calls) + " calls");
    if (kills == 0) verdicts.add(operation.name, {"nothing was killed"});
}

}  // namespace

int main(int argc, char** argv) {
    const CommandLine line(argc, argv, usage);
    if (!can_trace()) return skip("this machine doesn't let programs be traced");
    Verdicts verdicts;
    std::atomic<std::uint64_t> kills{0};
    in_parallel(operations().size(), [&](std::size_t i) {
        const auto& one = operations()[i];
        if (line.has("operation") && line.text("operation") != one.name) return;
        try {
            sweep(one, line, verdicts, kills);
        } catch (const std::exception& error) {
            verdicts.add(one.name, {error.what()});
        }
    });
    std::cout << kills << " kills" << std::endl;
    if (kills == 0) verdicts.add("all", {"nothing was killed"});
    return verdicts.finish();
}
