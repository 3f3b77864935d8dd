// No memory: an allocation fails at every point of each operation, those of SQLite and OpenSSL among them. std::bad_alloc or an
// error of custody comes out, the operation is wholly there or not at all, no lock is kept, and the next operation goes through.
// Two things end the process instead, in functions that may not throw: destructors of nlohmann::json allocate, and so does what
// libstdc++ goes through folders with. That is a kill like any other, and counted apart.
#include <dlfcn.h>
#include <execinfo.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <custody/error.hpp>
#include <map>
#include <new>
#include <optional>
#include <random>
#include <sstream>

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

bool is_refused() {
    if (!armed) return false;
    ++allocations;
    if (fail_at == 0 || !(allocations == fail_at || (lasting && allocations > fail_at))) return false;
    errno = ENOMEM;
    return true;
}

}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
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
    "usage: faults_memory [--all] [--points=N] [--operation=NAME [--at=N]]\n"
    "Without --all about N (20) of the allocations of each operation fail, others in each run.\n";

/// Shared among the processes of the harness.
struct Counts {
    std::atomic<std::uint64_t> done{0};
    std::atomic<std::uint64_t> no_memory{0};
    std::atomic<std::uint64_t> errors{0};
    std::atomic<std::uint64_t> ended{0};
    std::atomic<std::uint64_t> problems{0};
};

constexpr int ended_below = 86;
constexpr int with_problems = 87;

/// The calls on the way here.
struct Way {
    std::array<void*, 40> frames{};
    int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
};

/// Where an address lies in the program, for what names its functions; nothing where it is in a library.
std::optional<std::uint64_t> offset_in_program(const void* at) {
    Dl_info program{}, info{};
    ::dladdr(reinterpret_cast<void*>(&is_refused), &program);
    if (::dladdr(at, &info) == 0 || info.dli_fbase != program.dli_fbase) return std::nullopt;
    return static_cast<std::uint64_t>(static_cast<const char*>(at) - static_cast<const char*>(program.dli_fbase));
}

std::string output_of(const std::string& command) {
    std::string text;
    std::array<char, 4096> part{};
    FILE* const out = ::popen(command.c_str(), "r");
    while (out != nullptr && std::fgets(part.data(), part.size(), out) != nullptr) text += part.data();
    if (out != nullptr) ::pclose(out);
    return text;
}

std::string own_path() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

/// Whether a text names a function of another library that may not throw, and allocates; mangled or not.
bool names_guilty(std::string_view text) {
    for (const auto* guilty : {"json_value7destroy", "json_value::destroy", "directory_iterator"}) {
        if (text.find(guilty) != std::string_view::npos) return true;
    }
    return false;
}

/// The functions of this program by where they begin, and whether they are guilty. Asked for once: addr2line, which knows the
/// inlined ones too, takes as long as the rest of a failure.
std::map<std::uint64_t, bool> functions;

void read_functions() {
    std::istringstream lines(output_of("nm --defined-only " + own_path()));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::uint64_t begin = 0;
        std::string kind, name;
        if (words >> std::hex >> begin >> kind >> name && (kind == "t" || kind == "T" || kind == "W" || kind == "w"))
            functions[begin] = names_guilty(name);
    }
}

bool is_guilty(const void* at) {
    const auto offset = offset_in_program(at);
    if (!offset) {
        Dl_info info{};
        return ::dladdr(at, &info) != 0 && info.dli_sname != nullptr && names_guilty(info.dli_sname);
    }
    const auto after = functions.upper_bound(*offset - 1);
    return after != functions.begin() && std::prev(after)->second;
}

std::string described(const Way& way) {
    std::string text;
    std::ostringstream command;
    command << "addr2line -Cifpse " << own_path() << std::hex;
    char** const names = ::backtrace_symbols(way.frames.data(), way.count);  // tells those of libstdc++
    for (int i = 0; i < way.count; ++i) {
        text += std::string(names[i]) + "\n";
        if (const auto offset = offset_in_program(way.frames[static_cast<std::size_t>(i)])) command << " 0x" << *offset - 1;
    }
    return text + output_of(command.str());
}

[[noreturn]] void end_of_process() {
    armed = false;
    const Way way;
    if (std::any_of(way.frames.begin(), way.frames.begin() + way.count, is_guilty)) ::_exit(ended_below);
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

/// In a child, since some failures end the process. It exits with its outcome.
[[noreturn]] void starve_in_child(const Subject& subject, const World& world, std::uint64_t at, bool for_long,
                                  const std::string& where) {
    Problems problems;
    auto outcome = Outcome::done;
    try {
        if (subject.operation.run_alone) {
            outcome = starve(subject.operation, world, nullptr, at, for_long, problems);
            subject.operation.run_alone(world);
        } else {
            ArtifactManager manager(world.store(), opening());
            outcome = starve(subject.operation, world, &manager, at, for_long, problems);
            create_one(manager);
            ArtifactManager another(world.store(), opening());
            create_one(another);
        }
        check_state(subject, world, outcome, problems);
        if (subject.operation.check) subject.operation.check(world, outcome == Outcome::done, problems);
    } catch (const std::exception& error) {
        problems.push_back(std::string("afterwards: ") + error.what());
    }
    Verdicts verdicts;
    verdicts.add(where, problems);
    std::cout.flush();
    ::_exit(problems.empty() ? static_cast<int>(outcome) : with_problems);
}

void starve_once(const Subject& subject, const World& world, std::uint64_t at, bool for_long, Counts& counts) {
    (void)subject.before.copy_to(world.root());
    const auto where = subject.operation.name + ", allocation " + std::to_string(at) + (for_long ? " and all after it" : "");
    const auto child = ::fork();
    if (child == 0) starve_in_child(subject, world, at, for_long, where);
    int status = 0;
    ::waitpid(child, &status, 0);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    Problems problems;
    if (code == static_cast<int>(Outcome::done)) {
        ++counts.done;
    } else if (code == static_cast<int>(Outcome::no_memory)) {
        ++counts.no_memory;
    } else if (code == static_cast<int>(Outcome::error)) {
        ++counts.errors;
    } else if (code == ended_below) {
        ++counts.ended;
        check_wholly_there_or_not(subject, state_of(world), false, problems);
        if (subject.operation.run_alone) subject.operation.run_alone(world);
    } else if (code == with_problems) {
        ++counts.problems;
    } else {
        problems.push_back("the process ended with " + std::to_string(status));
    }
    check_store(world, problems);
    Verdicts verdicts;
    verdicts.add(where, problems);
    counts.problems += problems.size();
}

void sweep(const Operation& operation, const CommandLine& line, Counts& counts) {
    const Folder folder;
    const auto subject = prepare(operation, folder.path());
    const World world(folder.path() / "world");
    (void)subject.before.copy_to(world.root());
    Problems none;
    if (operation.run_alone) {
        (void)starve(operation, world, nullptr, 0, false, none);
    } else {
        ArtifactManager manager(world.store(), opening());
        (void)starve(operation, world, &manager, 0, false, none);
    }
    const auto all = allocations;
    for (const bool for_long : {false, true}) {
        if (line.has("at")) starve_once(subject, world, line.number("at", 0), for_long, counts);
        if (line.has("at")) continue;
        const auto every = line.has("all") ? 1 : std::max<std::uint64_t>(1, 2 * all / line.number("points", 20));
        for (std::uint64_t at = 1 + std::random_device{}() % every; at <= all; at += every) {
            starve_once(subject, world, at, for_long, counts);
        }
    }
    std::cout << operation.name + ": " + std::to_string(all) + " allocations\n" << std::flush;
    if (all == 0) ++counts.problems;
}

}  // namespace

int main(int argc, char** argv) {
    const CommandLine line(argc, argv, usage);
    if (!can_refuse) return skip("a sanitizer has the allocations");
    read_functions();
    std::set_terminate(end_of_process);
    void* const shared = ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return 1;
    auto& counts = *new (shared) Counts();
    const auto workers = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
    for (unsigned worker = 0; worker < workers; ++worker) {
        if (::fork() != 0) continue;
        for (std::size_t i = worker; i < operations().size(); i += workers) {
            const auto& one = operations()[i];
            if (line.has("operation") && line.text("operation") != one.name) continue;
            try {
                sweep(one, line, counts);
            } catch (const std::exception& error) {
                std::cout << "WRONG " << one.name << ": " << error.what() << std::endl;
                ++counts.problems;
            }
        }
        std::cout.flush();
        ::_exit(0);
    }
    for (int status = 0; ::wait(&status) > 0;) {
        if (status != 0) ++counts.problems;
    }
    const auto all = counts.done + counts.no_memory + counts.errors + counts.ended;
    std::cout << all << " failed allocations: " << counts.done << " operations succeeded all the same, " << counts.no_memory
              << " ended by std::bad_alloc, " << counts.errors << " by errors of custody, " << counts.ended
              << " processes ended in a destructor of nlohmann::json or in std::filesystem\n"
              << counts.problems << " problems" << std::endl;
    return counts.problems == 0 && all > 0 ? 0 : 1;
}
