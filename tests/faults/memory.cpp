// No memory: an allocation fails at every point of each operation, those of SQLite and OpenSSL among them. std::bad_alloc or an
// error of custody comes out, the operation is wholly there or not at all, no lock is kept, and the next operation goes through.
// Two things end the process instead, in functions that may not throw: destructors of nlohmann::json allocate, and so does what
// libstdc++ goes through folders with. That is a kill like any other, and counted apart.
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <custody/error.hpp>
#include <functional>
#include <new>
#include <random>
#include <set>

#include "faults/memory/blame.hpp"
#include "faults/memory/leftover.hpp"
#include "faults/support/program.hpp"
#include "faults/support/subject.hpp"

using namespace custody;
using namespace custody::faults;

namespace {

// Of this thread alone: what other threads of the library allocate doesn't fail.
thread_local bool armed = false;
thread_local bool lasting = false;
thread_local std::uint64_t fail_at = 0;
thread_local std::uint64_t allocations = 0;
thread_local const char* at_work = "";

}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {
bool is_refused() {
    if (!armed) return false;
    ++allocations;
    if (fail_at == 0 || !(allocations == fail_at || (lasting && allocations > fail_at))) return false;
    errno = ENOMEM;
    return true;
}
}  // namespace

// In the program itself, so that every library in the process allocates here. What is allocated is the C library's all the same.
// NOLINTBEGIN
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t size) { return is_refused() ? nullptr : __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) { return is_refused() ? nullptr : __libc_calloc(count, size); }
void* realloc(void* old, std::size_t size) { return is_refused() ? nullptr : __libc_realloc(old, size); }
void* aligned_alloc(std::size_t alignment, std::size_t size) { return is_refused() ? nullptr : __libc_memalign(alignment, size); }
int posix_memalign(void** to, std::size_t alignment, std::size_t size) {
    if (is_refused()) return ENOMEM;
    *to = __libc_memalign(alignment, size);
    return *to == nullptr ? ENOMEM : 0;
}
}
// NOLINTEND
constexpr bool can_refuse = true;
#else
constexpr bool can_refuse = false;
#endif

namespace {

constexpr const char* usage =
    "usage: faults_memory [--all [--lasting]] [--points=N] [--operation=NAME [--at=N]]\n"
    "Without --all about N (20) of the allocations of each operation fail, others in each run. With it each one\n"
    "fails alone, and from every eighth on all fail; with --lasting from each one on.\n";

/// Shared among the processes of the harness.
struct Counts {
    std::atomic<std::uint64_t> done{0};
    std::atomic<std::uint64_t> no_memory{0};
    std::atomic<std::uint64_t> errors{0};
    std::atomic<std::uint64_t> ended{0};
    std::atomic<std::uint64_t> alike{0};
    std::atomic<std::uint64_t> problems{0};
    /// How far each operation is, alone and with all after it: the processes share its allocations.
    std::array<std::array<std::atomic<std::uint64_t>, 2>, 64> tried{};
};

constexpr int as_before = 32;  // and the outcome: what it left is known, and good
constexpr int ended_below = 86;
constexpr int with_problems = 87;

[[noreturn]] void end_of_process() {
    armed = false;
    const Way way;
    if (goes_through_others(way)) ::_exit(ended_below);
    const auto description = described(way);
    if (names_guilty(description)) ::_exit(ended_below);
    std::cerr << "terminated in " << at_work << ", allocation " << fail_at << (lasting ? " and all after it" : "") << "\n"
              << description;
    std::abort();
}

enum class Outcome { done, no_memory, error };

/// What comes out of an operation while allocations fail from the `at`th on, or only that one.
Outcome starve(const Operation& operation, const World& world, ArtifactManager* manager, std::uint64_t at, bool for_long,
               Problems& problems) {
    auto outcome = Outcome::done;
    allocations = 0;
    fail_at = at;
    lasting = for_long;
    at_work = operation.name.c_str();
    armed = true;
    try {
        if (manager != nullptr) {
            operation.run(world, *manager);
        } else {
            operation.run_alone(world);
        }
        armed = false;
    } catch (const std::bad_alloc&) {
        armed = false;
        outcome = Outcome::no_memory;
    } catch (const Error&) {
        armed = false;
        outcome = Outcome::error;
    } catch (const std::exception& error) {
        armed = false;
        problems.push_back(std::string("what came out is no error of custody: ") + error.what());
        outcome = Outcome::error;
    }
    return outcome;
}

void create_one(ArtifactManager& manager) {
    (void)manager.create_artifact({.type = ArtifactType::metadata, .metadata = {{"comes", "next"}}});
}

/// After a failure: the state before, with one entry of it, or none and the next one's word.
void check_state(const Subject& subject, const World& world, Outcome outcome, Problems& problems) {
    const auto state = state_of(world);
    const auto before = subject.state_before.entries.size();
    std::size_t good = 0;
    std::size_t failed = 0;
    for (auto i = before; i < state.entries.size(); ++i) {
        const auto& entry = state.entries[i];
        if (entry.operation == "artifact_creation" && i + 2 >= state.entries.size()) continue;  // what came next, twice
        if (entry.outcome == "done") ++good;
        if (entry.outcome != "done") ++failed;
    }
    if (outcome == Outcome::done) {
        if (good != static_cast<std::size_t>(subject.operation.all_entries()) || failed != 0) {
            problems.push_back("done, with " + std::to_string(good) + " entries, and " + std::to_string(failed) + " of failures");
        }
        return;
    }
    if (subject.operation.has_no_entry_of_failure || subject.operation.run_alone) return;
    if (subject.operation.in_one_transaction() && !subject.operation.goes_on_after_entry && good != 0) {
        problems.emplace_back("failed, and has its entry");
    }
    // Where there was no memory to begin with, there is none.
    if (failed > 1) problems.push_back(std::to_string(failed) + " entries of the failure");
}

/// A process that has no file of the store open has no lock on it either.
bool has_open_files(const World& world) {
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        if (std::filesystem::read_symlink(entry.path(), gone).string().starts_with(world.root().string())) return true;
    }
    return false;
}

/// In a child, since some failures end the process. It exits with its outcome. What an operation without a manager left is told
/// to the parent, unless it is among what was found `good` before: then that is all.
[[noreturn]] void starve_in_child(const Subject& subject, const World& world, std::uint64_t at, bool for_long,
                                  const std::string& where, const std::set<std::string>& good, int parent) {
    Problems problems;
    auto outcome = Outcome::done;
    bool is_known = false;
    try {
        if (subject.operation.run_alone) {
            outcome = starve(subject.operation, world, nullptr, at, for_long, problems);
            if (has_open_files(world)) problems.emplace_back("files of the store were left open");
            const auto left = left_by(world, static_cast<int>(outcome));
            is_known = good.contains(left);
            if (!is_known && ::write(parent, left.data(), left.size()) < 0) problems.emplace_back("the parent is gone");
            if (!is_known) subject.operation.run_alone(world);
        } else {
            ArtifactManager manager(world.store(), opening());
            outcome = starve(subject.operation, world, &manager, at, for_long, problems);
            create_one(manager);
            ArtifactManager another(world.store(), opening());
            create_one(another);
        }
        if (!is_known) check_state(subject, world, outcome, problems);
        if (!is_known && subject.operation.check) subject.operation.check(world, outcome == Outcome::done, problems);
    } catch (const std::exception& error) {
        problems.push_back(std::string("afterwards: ") + error.what());
    }
    Verdicts verdicts;
    verdicts.add(where, problems);
    std::cout.flush();
    ::_exit(problems.empty() ? static_cast<int>(outcome) + (is_known ? as_before : 0) : with_problems);
}

/// What a child came to.
struct Ending {
    int code = -1;     ///< it exited with that; −1 where it was killed
    std::string left;  ///< what it said that it left
};

Ending run_child(const std::function<void(int parent)>& body) {
    std::array<int, 2> pipe{};
    if (::pipe(pipe.data()) != 0) throw std::runtime_error("no pipes");
    const auto child = ::fork();
    if (child == 0) body(pipe[1]);
    ::close(pipe[1]);
    std::array<char, 64> said{};
    Ending ending{
        -1, std::string(said.data(), static_cast<std::size_t>(std::max<ssize_t>(0, ::read(pipe[0], said.data(), said.size()))))};
    ::close(pipe[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) ending.code = WEXITSTATUS(status);
    return ending;
}

void count(int code, Counts& counts) {
    if (code == static_cast<int>(Outcome::done)) ++counts.done;
    if (code == static_cast<int>(Outcome::no_memory)) ++counts.no_memory;
    if (code == static_cast<int>(Outcome::error)) ++counts.errors;
    if (code == ended_below) ++counts.ended;
    if (code == with_problems) ++counts.problems;
}

/// After a failure that left what was not seen before.
void check_world(const Subject& subject, const World& world, int code, Problems& problems) {
    if (code < 0) problems.emplace_back("the process was killed");
    try {
        if (code == ended_below) {
            check_wholly_there_or_not(subject, state_of(world), false, problems);
            if (subject.operation.run_alone) subject.operation.run_alone(world);
        }
        check_store(world, problems);
    } catch (const std::exception& error) {
        problems.emplace_back(error.what());
    }
}

void starve_once(const Subject& subject, const World& world, std::uint64_t at, bool for_long, std::set<std::string>& good,
                 Counts& counts) {
    (void)subject.before.copy_to(world.root());
    const auto where = subject.operation.name + ", allocation " + std::to_string(at) + (for_long ? " and all after it" : "");
    auto [code, left] = run_child([&](int parent) { starve_in_child(subject, world, at, for_long, where, good, parent); });
    if (code == ended_below) left = left_by(world, code);
    const bool was_known = code >= as_before && code < ended_below;
    if (was_known) code -= as_before;
    count(code, counts);
    if (was_known || good.contains(left)) return void(++counts.alike);
    Problems problems;
    check_world(subject, world, code, problems);
    if (problems.empty() && code != with_problems && !left.empty()) good.insert(left);
    Verdicts verdicts;
    verdicts.add(where, problems);
    counts.problems += problems.size();
}

/// The allocations of an operation to which nothing happens.
std::uint64_t count_allocations(const Subject& subject, const World& world) {
    Problems none;
    (void)subject.before.copy_to(world.root());
    if (subject.operation.run_alone) {
        (void)starve(subject.operation, world, nullptr, 0, false, none);
    } else {
        ArtifactManager manager(world.store(), opening());
        (void)starve(subject.operation, world, &manager, 0, false, none);
    }
    return allocations;
}

void sweep(std::size_t index, const CommandLine& line, Counts& counts) {
    const auto& operation = operations()[index];
    const Folder folder;
    const auto subject = prepare(operation, folder.path());
    const World world(folder.path() / "world");
    const auto all = count_allocations(subject, world);
    std::set<std::string> good;
    for (const bool for_long : {false, true}) {
        auto& tried = counts.tried.at(index).at(for_long ? 1 : 0);
        auto every = std::max<std::uint64_t>(1, 2 * all / line.number("points", 20));
        if (line.has("all")) every = for_long && !line.has("lasting") ? 8 : 1;
        if (line.has("at")) every = all;
        const auto first = line.number("at", 1 + std::random_device{}() % every);
        for (auto i = tried++;; i = tried++) {
            if (i == 0 && !for_long) std::cout << operation.name + ": " + std::to_string(all) + " allocations\n" << std::flush;
            if (first + every * i > all) break;
            starve_once(subject, world, first + every * i, for_long, good, counts);
        }
    }
    if (all == 0) ++counts.problems;
}

void sweep_all(const CommandLine& line, Counts& counts) {
    for (std::size_t i = 0; i < operations().size(); ++i) {
        const auto& name = operations()[i].name;
        if (line.has("operation") && line.text("operation") != name) continue;
        try {
            sweep(i, line, counts);
        } catch (const std::exception& error) {
            std::cout << "WRONG " << name << ": " << error.what() << std::endl;
            ++counts.problems;
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const CommandLine line(argc, argv, usage);
    if (!can_refuse) return skip("a sanitizer has the allocations");
    ::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);  // a lock around each allocation
    read_functions();
    std::set_terminate(end_of_process);
    void* const shared = ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return 1;
    auto& counts = *new (shared) Counts();
    const auto workers = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
    for (unsigned worker = 0; worker < workers; ++worker) {
        if (::fork() != 0) continue;
        sweep_all(line, counts);
        std::cout.flush();
        ::_exit(0);
    }
    for (int status = 0; ::wait(&status) > 0;) {
        if (status != 0) ++counts.problems;
    }
    const auto all = counts.done + counts.no_memory + counts.errors + counts.ended;
    std::cout << all << " failed allocations: " << counts.done << " operations succeeded all the same, " << counts.no_memory
              << " ended by std::bad_alloc, " << counts.errors << " by errors of custody, " << counts.ended
              << " processes ended in a destructor of nlohmann::json or in std::filesystem; " << counts.alike
              << " left, byte for byte, what had been looked at before\n"
              << counts.problems << " problems" << std::endl;
    return counts.problems == 0 && all > 0 ? 0 : 1;
}
