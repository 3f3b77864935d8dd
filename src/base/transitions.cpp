#include <custody/artifact.hpp>

namespace custody {

bool transition_allowed(ArtifactStatus from, ArtifactStatus to) noexcept {
    using enum ArtifactStatus;
    switch (from) {
        case pending:
            return to == in_progress || to == completed || to == failed;
        case in_progress:
            return to == completed || to == failed;
        case completed:
            return to == in_progress || to == failed || to == archived;
        case failed:
            return to == pending || to == in_progress || to == archived;
        case archived:
            return to == completed;
    }
    return false;  // a number cast to the enum
}

}  // namespace custody
