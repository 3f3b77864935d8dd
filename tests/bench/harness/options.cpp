#include "bench/harness/options.hpp"

#include <charconv>
#include <cmath>
#include <stdexcept>

namespace custody::bench {

const char* const usage =
    R"(Usage: custody_bench [OPTIONS] FOLDER
Measures custody against baselines that are measured in the same run, in turns, and prints medians with their quartiles, and
ratios. Everything is written below FOLDER, which should be on a disk, not in memory: commits are durable.

  --case=NAME      only this case; may be repeated
  --scale=X        1: a million artifacts, files up to 8 GiB (takes an hour, and 30 GB); 0.01 unless given (less than
                   a minute); 0: as little as works, which measures nothing
  --rounds=N       at most so many rounds of each comparison
  --json           results as JSON on stdout; the table goes to stderr
  --keep           leave the stores in FOLDER, so that the next run need not make them
  --custody=FILE   the command to measure, instead of the one that was built with this program
  --quiet          no table and no messages beside the JSON
  --list           names the cases, and ends
  --help           this text

Exit codes: 0 measured, whatever the figures; 1 a case failed; 2 wrong usage.
)";

namespace {

// The value of --name=VALUE, if the argument is that.
std::optional<std::string> value_of(const std::string& argument, const std::string& name) {
    const auto start = "--" + name + "=";
    if (argument.rfind(start, 0) != 0) return std::nullopt;
    return argument.substr(start.size());
}

double number(const std::string& text, double least, double most, const char* what) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(value >= least && value <= most)) {
        throw std::invalid_argument(std::string(what) + ": a number from " + std::to_string(std::lround(least)) + " to " +
                                    std::to_string(std::lround(most)) + ", not '" + text + "'");
    }
    return value;
}

void take(Options& options, const std::string& argument) {
    if (argument == "--json") {
        options.json = true;
    } else if (argument == "--keep") {
        options.keep = true;
    } else if (argument == "--quiet") {
        options.world.quiet = true;
    } else if (argument == "--list") {
        options.list = true;
    } else if (argument == "--help" || argument == "-h") {
        options.help = true;
    } else if (const auto name = value_of(argument, "case")) {
        options.cases.push_back(*name);
    } else if (const auto scale = value_of(argument, "scale")) {
        options.world.scale = number(*scale, 0, 10, "--scale");
    } else if (const auto rounds = value_of(argument, "rounds")) {
        options.world.most_rounds = static_cast<int>(number(*rounds, 1, 1000, "--rounds"));
    } else if (const auto file = value_of(argument, "custody")) {
        options.world.command = std::filesystem::absolute(*file);
    } else if (argument.rfind('-', 0) == 0) {
        throw std::invalid_argument("unknown option " + argument);
    } else if (!options.world.folder.empty()) {
        throw std::invalid_argument("one folder is enough: " + argument);
    } else {
        options.world.folder = std::filesystem::absolute(argument) / "custody-bench";
    }
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments) {
    Options options;
    options.world.command = CUSTODY_COMMAND;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i] == "--worker") {
            options.worker.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
            return options;
        }
        take(options, arguments[i]);
    }
    if (options.world.folder.empty() && !options.list && !options.help) throw std::invalid_argument("which folder?");
    if (options.world.scale == 0 && options.world.most_rounds == 0) options.world.most_rounds = 1;
    return options;
}

}  // namespace custody::bench
