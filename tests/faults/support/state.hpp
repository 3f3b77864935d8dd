#pragma once

#include <set>
#include <string>
#include <vector>

#include "faults/support/operations.hpp"

namespace custody::faults {

/// What a store says of itself, without what differs from run to run (ids, times, salts).
struct State {
    struct Entry {
        std::string operation;
        std::string action;
        std::string outcome;
        std::string unrecorded;  ///< what it tells of entries that could not be written: "operation/action" each
        [[nodiscard]] std::string name() const { return operation + "/" + action + " " + outcome; }
    };
    bool there = false;  ///< whether there is a catalog
    std::vector<Entry> entries;
    std::string rows;                ///< of every table but those of the trail
    std::set<std::string> payloads;  ///< files in blobs/, by name
};

/// Whether a record names that payload, or a mark says that it was moved in: what neither does gc frees.
bool is_kept_payload(const World& world, const std::string& digest);

State state_of(const World& world);

/// Opens the store anew and looks at everything: a full verification, the trail's proofs, each row with its entry, no gap in
/// the trail; then a change, which must go through. Adds what is wrong.
void check_store(const World& world, Problems& problems);

}  // namespace custody::faults
