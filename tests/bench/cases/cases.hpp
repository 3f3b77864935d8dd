#pragma once

#include <string>
#include <vector>

#include "bench/harness/report.hpp"
#include "bench/harness/world.hpp"

namespace custody::bench {

/// One job, measured against its baselines in the same run.
struct Case {
    std::string name;
    std::string about;
    void (*run)(World& world, Report& report);
};

/// All of them, in the order in which they are run.
const std::vector<Case>& all_cases();

void hashing(World& world, Report& report);
void large_file(World& world, Report& report);
void large_file_command(World& world, Report& report);
void several_large_files(World& world, Report& report);
void reflink(World& world, Report& report);
void small_files(World& world, Report& report);
void small_files_batch(World& world, Report& report);
void small_files_command(World& world, Report& report);
void threads(World& world, Report& report);
void processes(World& world, Report& report);
void queries(World& world, Report& report);
void growth(World& world, Report& report);
void list_page(World& world, Report& report);
void command(World& world, Report& report);
void append(World& world, Report& report);
void export_trail(World& world, Report& report);
void verify_trail(World& world, Report& report);
void proof(World& world, Report& report);
void reads(World& world, Report& report);
void verify_payloads(World& world, Report& report);
void verify_rows(World& world, Report& report);
void memory(World& world, Report& report);

/// What the program does when a case starts it anew: answers its exit code.
int work(const std::vector<std::string>& arguments);

}  // namespace custody::bench
