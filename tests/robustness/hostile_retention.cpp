#include "robustness/hostile_values.hpp"

namespace custody::testing {

void attack_retention(ArtifactManager& manager, HostileValues& draw, const ArtifactType& type) {
    const auto number = static_cast<int>(draw.number() % 2147483648);
    switch (draw.below(4)) {
        case 0:
            (void)to_json(manager.set_retention(
                type, {.days = number, .when_descendants_completed = draw.chance(2), .reason = draw.text()}));
            break;
        case 1:
            manager.remove_retention(type, draw.text());
            break;
        case 2:
            for (const auto& policy : manager.list_retention()) (void)to_json(policy);
            break;
        default:
            (void)to_json(manager.collect_garbage(
                {.grace = std::chrono::seconds(number), .reason = draw.text(), .dry_run = draw.chance(2)}));
    }
}

}  // namespace custody::testing
