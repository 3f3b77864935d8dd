#pragma once

#include <custody/ids.hpp>
#include <filesystem>
#include <vector>

#include "manager/layout.hpp"

namespace custody {
class ManagerImpl;
}

namespace custody::manager {

/// Every file of the view: two levels, a folder for each type, and the links in it. @throws IoError
std::vector<std::filesystem::path> named_link_files(const Layout& layout);

/// How the store's view of its payloads, `artifacts/`, differs from what it should be.
struct NamedLinks {
    struct Link {
        std::filesystem::path path;
        ArtifactId artifact;
        Digest payload;
    };
    std::vector<Link> missing;                 ///< handed out once, and gone
    std::vector<Link> wrong;                   ///< something else is there under the name of a payload
    std::vector<std::filesystem::path> stale;  ///< of a payload that was removed, or of nothing that is known
};
/// @throws IoError
NamedLinks survey_named_links(ManagerImpl& manager);

}  // namespace custody::manager
