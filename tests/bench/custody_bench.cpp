// What custody costs, against what it can't cost less than: see README.md.

#include <algorithm>
#include <iostream>
#include <stdexcept>

#include "bench/cases/cases.hpp"
#include "bench/harness/machine.hpp"
#include "bench/harness/options.hpp"

namespace {

using namespace custody::bench;

std::vector<Case> chosen(const Options& options) {
    if (options.cases.empty()) return all_cases();
    std::vector<Case> cases;
    for (const auto& name : options.cases) {
        const auto found =
            std::find_if(all_cases().begin(), all_cases().end(), [&](const Case& each) { return each.name == name; });
        if (found == all_cases().end()) throw std::invalid_argument("no case is called " + name + "; see --list");
        cases.push_back(*found);
    }
    return cases;
}

int measure(const Options& options) {
    auto world = options.world;
    const auto cases = chosen(options);
    std::filesystem::create_directories(world.folder);
    const auto on = machine(world.folder);
    std::ostream* table = world.quiet ? nullptr : options.json ? &std::cerr : &std::cout;
    if (table != nullptr) *table << in_words(on) << "; scale " << world.scale << '\n';
    Report report(table);
    int failed = 0;
    for (const auto& each : cases) {
        report.begin_case(each.name, each.about);
        try {
            each.run(world, report);
        } catch (const std::exception& error) {
            std::cerr << "custody_bench: " << each.name << " failed: " << error.what() << '\n';
            ++failed;
        }
    }
    if (options.json) {
        const custody::ordered_json out = {{"machine", on},
                                           {"scale", world.scale},
                                           {"failed_cases", failed},
                                           {"missed", report.missed()},
                                           {"results", report.results()}};
        std::cout << out.dump(2) << '\n';
    }
    if (table != nullptr) *table << '\n' << report.missed() << " to reach, missed\n";
    if (!options.keep) std::filesystem::remove_all(world.folder);
    return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto options = parse_options({argv + 1, argv + argc});
        if (!options.worker.empty()) return work(options.worker);
        if (options.help) {
            std::cout << usage;
            return 0;
        }
        if (options.list) {
            for (const auto& each : all_cases()) std::cout << each.name << '\t' << each.about << '\n';
            return 0;
        }
        return measure(options);
    } catch (const std::invalid_argument& error) {
        std::cerr << "custody_bench: " << error.what() << '\n' << usage;
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "custody_bench: " << error.what() << '\n';
        return 1;
    }
}
