// Errors at the calls of each operation that touch the store's files: it succeeds, or it fails with an error that says what.
// After a failure there is exactly one entry of it, or, where nothing could be written, the next entry of the process tells.
#include <atomic>
#include <cerrno>
#include <cstring>
#include <random>

#include "faults/support/program.hpp"
#include "faults/support/subject.hpp"
#include "faults/support/tracer.hpp"

using namespace custody;
using namespace custody::faults;

namespace {

constexpr const char* usage =
    "usage: faults_error_sweep [--all] [--points=N] [--last=N] [--operation=NAME]\n"
    "Without --all each operation fails at N (24) of its calls, others in each run; with --last, at each of the last N.\n"
    "Each fault strikes once; those of a last series last until the operation is over.\n";

struct Fault {
    Verdict verdict;
    const char* name;
    bool lasting = false;  ///< every call that changes something fails from there on, until the operation has ended
};

const std::vector<Fault>& faults() {
    using Kind = Verdict::Kind;
    static const std::vector<Fault> all{
        {{Kind::fail, EIO}, "EIO"},
        {{Kind::fail, ENOSPC}, "ENOSPC"},
        {{Kind::fail, EDQUOT}, "EDQUOT"},
        {{Kind::fail, EINTR}, "EINTR"},
        {{Kind::shorten, 0}, "a short write"},
        {{Kind::fail, EIO}, "EIO from there on", true},
        {{Kind::fail, ENOSPC}, "ENOSPC from there on", true},
    };
    return all;
}

// Locks and positions know neither EIO nor EINTR, not of a local file: an unlock that "fails" would keep its lock for ever.
bool is_sensible(const Fault& fault, const CallKind& kind) {
    const std::string name = kind.name;
    if (name == "fcntl" || name == "lseek") return false;
    if (fault.verdict.kind == Verdict::Kind::shorten) return kind.count_argument >= 0;
    if (fault.verdict.error == ENOSPC || fault.verdict.error == EDQUOT || fault.lasting) return kind.changes;
    return true;
}

/// Lets a call fail. It counts from the start of the program to the end of the operation; what the process does next is spared,
/// and its end is not.
class Saboteur : public Observer {
   public:
    Saboteur(const Fault& fault, std::uint64_t at) : fault_(fault), at_(at) {}
    Verdict entering(const TracedCall& call) override {
        if (!armed_ || is_notebook(call.file) || !is_sensible(fault_, *call.kind)) return {};
        ++count_;
        const bool strikes = at_ != 0 && (count_ == at_ || (fault_.lasting && count_ > at_));
        if (!strikes) return {};
        if (count_ == at_) struck_ = std::string(call.kind->name) + " " + call.file;
        return fault_.verdict;
    }
    void said(const std::string& line) override {
        if (line == "start") armed_ = true;
        if (line == "done" || line.starts_with("failed") || line.starts_with("not opened")) armed_ = false;
        if (line.starts_with("next ")) armed_ = !fault_.lasting;
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] const std::string& struck() const { return struck_; }

   private:
    const Fault& fault_;
    std::uint64_t at_;
    std::uint64_t count_ = 0;
    bool armed_ = false;
    std::string struck_;
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string line_that_starts(const Ended& ended, const std::string& start) {
    for (const auto& line : ended.lines) {
        if (line.starts_with(start)) return line;
    }
    return {};
}

/// An error that says what: something of the fault, not just that there was one.
bool says_what(const std::string& message, const Fault& fault) {
    switch (fault.verdict.error) {
        case ENOSPC:
        case EDQUOT:
            if (contains(message, "space") || contains(message, "quota") || contains(message, "full")) return true;
            break;
        default:
            break;
    }
    for (const char* words : {"can't", "could not", "damaged", "locked", "no SQLite database", "shorter", "missing",
                              "changed while", "refused", "locking protocol", "filesystem error"}) {
        if (contains(message, words)) return true;
    }
    return false;
}

/// The entries of the operation itself, without those of what came next and of reads that its caller didn't ask for.
struct Left {
    std::size_t good = 0;
    std::size_t failed = 0;
    std::string told;  ///< by the entry of what came next
    bool next = false;
};

Left count_entries(const Subject& subject, const State& state, bool next_was_done) {
    Left left;
    auto end = state.entries.size();
    if (next_was_done && end > 0 && state.entries.back().operation == "artifact_creation") {
        left.next = true;
        left.told = state.entries.back().unrecorded;
        --end;
    }
    for (auto i = subject.state_before.entries.size(); i < end; ++i) {
        if (state.entries[i].action == "heal") continue;  // an EIO looks as if the payload that is there were bad
        const bool good = state.entries[i].outcome == "done";
        left.good += good ? 1 : 0;
        left.failed += good ? 0 : 1;
        left.told += state.entries[i].unrecorded;
    }
    return left;
}

void check_failure(const Subject& subject, const State& state, const Left& left, const std::string& message, const Fault& fault,
                   Problems& problems) {
    const auto& operation = subject.operation;
    const auto whole = static_cast<std::size_t>(operation.all_entries());
    if (contains(message, "no error of custody")) problems.push_back(message);
    if (!says_what(message, fault)) problems.push_back("doesn't say what: " + message);
    if (operation.has_no_entry_of_failure && left.good == 0) return;
    if (operation.leaves_out && left.failed == 0) return;
    if (operation.run_alone) return;  // there is no store to write to yet, or nobody who may
    if (contains(message, "could not be recorded")) {
        if (left.failed != 0) problems.push_back("said that it could not be recorded, and there is an entry: " + message);
        if (left.next && left.told.empty()) problems.push_back("the next entry doesn't tell: " + message);
    } else if (left.failed + (contains(message, " was sealed, but ") ? left.good : 0) != 1) {
        problems.push_back(std::to_string(left.failed) + " entries of the failure: " + message);
    }
    if (operation.goes_on_after_entry) return;
    const bool all_or_nothing = operation.in_one_transaction();
    if (all_or_nothing && left.good != 0) problems.push_back("failed, and has its entry: " + message);
    if (left.good > whole) problems.emplace_back("more entries than the whole has");
    if (all_or_nothing && !left.next && state.rows != subject.state_before.rows) {
        problems.push_back("failed, and left something in the catalog:\n" + state.rows + "instead of\n" +
                           subject.state_before.rows);
    }
    if (!fault.lasting && all_or_nothing && state.payloads != subject.state_before.payloads) {
        for (const auto& payload : state.payloads) {
            if (!subject.state_before.payloads.contains(payload) && !left.next) {
                problems.push_back("failed, and left a payload behind: " + payload);
            }
        }
    }
}

void check_outcome(const Subject& subject, const World& world, const Ended& ended, const Fault& fault, Problems& problems) {
    const auto state = state_of(world);
    const auto failed = line_that_starts(ended, "failed");
    const bool done = !line_that_starts(ended, "done").empty();
    const auto next_failed = line_that_starts(ended, "next failed");
    if (!next_failed.empty()) problems.push_back(next_failed);
    const auto left = count_entries(subject, state, !line_that_starts(ended, "next done").empty());
    if (!failed.empty()) check_failure(subject, state, left, failed, fault, problems);
    if (done && (left.good != static_cast<std::size_t>(subject.operation.all_entries()) || left.failed != 0)) {
        problems.push_back("done, and has " + std::to_string(left.good) + " entries, and " + std::to_string(left.failed) +
                           " of failures");
    }
    const auto not_opened = line_that_starts(ended, "not opened");
    if (!not_opened.empty()) {
        if (!says_what(not_opened, fault)) problems.push_back("doesn't say what: " + not_opened);
        if (state.rows != subject.state_before.rows) problems.push_back("not opened, and rows have changed");
        if (state.entries.size() != subject.state_before.entries.size()) problems.push_back("not opened, and has entries");
    }
    if (subject.operation.check) subject.operation.check(world, done, problems);
}

enum class Outcome { done, failed, not_opened };

Outcome fail_once(const Subject& subject, const World& world, const Fault& fault, std::uint64_t at, Verdicts& verdicts) {
    (void)subject.before.copy_to(world.root());
    Saboteur saboteur(fault, at);
    const auto ended = trace(command(subject, world), world.root(), saboteur);
    Problems problems;
    if (ended.timed_out) problems.emplace_back("it hangs");
    if (!ended.timed_out && ended.exit_code != 0) problems.push_back("it ended with " + std::to_string(ended.exit_code));
    try {
        if (problems.empty()) check_outcome(subject, world, ended, fault, problems);
        if (subject.operation.run_alone) subject.operation.run_alone(world);
        check_store(world, problems);
    } catch (const std::exception& error) {
        problems.emplace_back(error.what());
    }
    verdicts.add(subject.operation.name + ", " + fault.name + " at " + std::to_string(at) + " (" + saboteur.struck() + ")",
                 problems);
    if (!line_that_starts(ended, "done").empty()) return Outcome::done;
    return line_that_starts(ended, "not opened").empty() ? Outcome::failed : Outcome::not_opened;
}

struct Counts {
    std::atomic<std::uint64_t> done{0};
    std::atomic<std::uint64_t> failed{0};
    std::atomic<std::uint64_t> not_opened{0};
};

void sweep(const Operation& operation, const CommandLine& line, Verdicts& verdicts, Counts& counts) {
    const Folder folder;
    const auto subject = prepare(operation, folder.path());
    const World world(folder.path() / "world");
    const auto points = line.number("points", 24);
    for (const auto& fault : faults()) {
        (void)subject.before.copy_to(world.root());
        Saboteur counter(fault, 0);
        (void)trace(command(subject, world), world.root(), counter);
        const auto calls = counter.count();
        const bool each = line.has("all") || line.has("last");
        const auto every = each ? 1 : std::max<std::uint64_t>(1, calls * faults().size() / points);
        const auto begin = calls - std::min(calls, line.number("last", calls));
        for (auto at = begin + 1 + std::random_device{}() % every; at <= calls; at += every) {
            switch (fail_once(subject, world, fault, at, verdicts)) {
                case Outcome::done:
                    ++counts.done;
                    break;
                case Outcome::failed:
                    ++counts.failed;
                    break;
                case Outcome::not_opened:
                    ++counts.not_opened;
                    break;
            }
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const CommandLine line(argc, argv, usage);
    if (!can_trace()) return skip("this machine doesn't let programs be traced");
    Verdicts verdicts;
    Counts counts;
    in_parallel(operations().size(), [&](std::size_t i) {
        const auto& one = operations()[i];
        if (line.has("operation") && line.text("operation") != one.name) return;
        try {
            sweep(one, line, verdicts, counts);
        } catch (const std::exception& error) {
            verdicts.add(one.name, {error.what()});
        }
    });
    std::cout << counts.done + counts.failed + counts.not_opened << " faults: " << counts.done
              << " operations succeeded all the same, " << counts.failed << " failed, " << counts.not_opened
              << " stores could not be opened" << std::endl;
    if (counts.failed == 0) verdicts.add("all", {"nothing failed"});
    return verdicts.finish();
}
