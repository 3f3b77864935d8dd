#include <doctest/doctest.h>

#include "robustness/hostile_values.hpp"

namespace custody::testing {

void attack_process(ArtifactManager& manager, HostileValues& draw) {
    if (draw.chance(20)) {
        manager.suspend();
        CHECK_THROWS_AS((void)manager.list_holds(), InvalidState);
        manager.resume();
    }
    const auto call = draw.chance(2) ? std::string("get_artifact") : draw.chance(2) ? std::string("link_artifacts") : draw.text();
    manager.record_misuse(call, draw.text(), draw.chance(2));
}

}  // namespace custody::testing
