#pragma once

#include <functional>
#include <string>
#include <vector>

#include "faults/support/world.hpp"

namespace custody::faults {

using Problems = std::vector<std::string>;

/// One operation that the harness kills, lets fail and starves. To have another one tried everywhere, add it to the table.
struct Operation {
    std::string name;
    /// How many entries each of its transactions writes, in order. Between them a kill may leave it half done; within them never.
    std::vector<int> entries;
    std::function<void(const World&)> prepare;
    /// Does it with a store that is open. Operations that open the store by themselves leave this empty …
    std::function<void(const World&, ArtifactManager&)> run{};
    /// … and have this.
    std::function<void(const World&)> run_alone{};
    /// What must hold beyond the catalog, whenever it was interrupted.
    std::function<void(const World&, bool acknowledged, Problems&)> check{};

    /// It changes rows in transactions of their own before the one that tells of it: migrations, of which only the last does.
    bool has_silent_steps = false;
    /// What comes after its entry may fail, and has an entry of its own then: handing out a file, emptying the log.
    bool goes_on_after_entry = false;
    /// What it can't read it takes for damage, which is in its report, and no failure: verify, backup.
    bool has_no_entry_of_failure = false;
    bool leaves_out = false;  ///< goes on without what it can't read; its driver calls that a failure

    [[nodiscard]] bool in_one_transaction() const { return entries.size() == 1; }
    [[nodiscard]] int all_entries() const;
};

const std::vector<Operation>& operations();
/// @throws std::out_of_range
const Operation& operation(const std::string& name);

}  // namespace custody::faults
