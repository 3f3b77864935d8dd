#include <custody/artifact_manager.hpp>

namespace custody {

const char* version() noexcept { return CUSTODY_VERSION; }

}  // namespace custody
