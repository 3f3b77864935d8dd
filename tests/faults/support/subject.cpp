#include "faults/support/subject.hpp"

#include <algorithm>
#include <stdexcept>

namespace custody::faults {

Subject prepare(const Operation& operation, const std::filesystem::path& folder) {
    const World before(folder / "before");
    operation.prepare(before);
    Subject subject{operation, before, state_of(before), {}};
    const auto after = before.copy_to(folder / "after");
    if (operation.run_alone) {
        operation.run_alone(after);
    } else {
        ArtifactManager manager(after.store(), opening());
        operation.run(after, manager);
    }
    subject.state_after = state_of(after);
    const auto entries = subject.state_after.entries.size() - subject.state_before.entries.size();
    if (entries != static_cast<std::size_t>(operation.all_entries())) {
        throw std::runtime_error(operation.name + " leaves " + std::to_string(entries) + " entries, and the table says " +
                                 std::to_string(operation.all_entries()));
    }
    return subject;
}

std::vector<std::string> command(const Subject& subject, const World& world) {
    return {FAULT_DRIVER, subject.operation.name, world.root().string()};
}

void check_wholly_there_or_not(const Subject& subject, const State& state, bool acknowledged, Problems& problems) {
    if (!state.there) {
        if (acknowledged || subject.state_before.there) problems.emplace_back("the catalog is gone");
        return;
    }
    const auto before = subject.state_before.entries.size();
    if (state.entries.size() < before) return problems.emplace_back("entries are gone"), void();
    const auto whole = static_cast<std::size_t>(subject.operation.all_entries());
    auto count = state.entries.size() - before;
    const bool next = count == whole + 1 && state.entries.back().operation == "artifact_creation";  // what came after it
    if (next) --count;
    std::size_t boundary = 0;
    bool at_boundary = count == 0;
    for (const int entries : subject.operation.entries) {
        boundary += static_cast<std::size_t>(entries);
        at_boundary = at_boundary || count == boundary;
    }
    if (!at_boundary) problems.push_back("half of a transaction is there: " + std::to_string(count) + " entries");
    for (std::size_t i = before; i < std::min(before + count, subject.state_after.entries.size()); ++i) {
        const auto is = state.entries[i].name();
        const auto should = subject.state_after.entries[i].name();
        if (is != should) problems.push_back("entry " + std::to_string(i + 1) + " is " + is + " instead of " + should);
    }
    if (acknowledged && count < whole) problems.emplace_back("it was acknowledged and is not there");
    if (next) return;
    const bool may_have_changed = !subject.state_before.there || subject.operation.has_silent_steps;
    if (count == 0 && !may_have_changed && state.rows != subject.state_before.rows) {
        problems.emplace_back("no entry, and yet rows have changed");
    }
    if (count == whole && state.rows != subject.state_after.rows) {
        problems.push_back("all entries are there, and the rows are not those of the whole:\n" + state.rows + "instead of\n" +
                           subject.state_after.rows);
    }
}

}  // namespace custody::faults
