#include "manager/named_links.hpp"

#include <sys/stat.h>

#include <custody/error.hpp>
#include <set>

#include "audit/table.hpp"
#include "blobs/errors.hpp"
#include "catalog/artifacts.hpp"
#include "manager/manager_impl.hpp"

namespace custody::manager {

namespace {

namespace fs = std::filesystem;

bool leads_to(const fs::path& link, const fs::path& payload) {
    struct stat one {};
    struct stat other {};
    return ::stat(link.c_str(), &one) == 0 && ::lstat(payload.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

// The artifact that a name in the view begins with, if it has a payload and that is there.
std::optional<NamedLinks::Link> owner_of(sqlite::Connection& connection, const fs::path& storage, const std::string& id) {
    const auto artifact_id = ArtifactId::try_parse(id);
    if (!artifact_id) return std::nullopt;
    const auto artifact = catalog::find_artifact(connection, *artifact_id);
    if (!artifact || !artifact->checksum || artifact->removed_at) return std::nullopt;
    return NamedLinks::Link{storage / artifact->file_path, *artifact_id, *artifact->checksum};
}

}  // namespace

std::vector<fs::path> named_link_files(const Layout& layout) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(layout.artifacts(), error), end; !error && entry != end; entry.increment(error)) {
        const auto type = entry->symlink_status(error).type();
        if (type == fs::file_type::not_found) continue;  // it went since the folder was read
        if (error) break;
        if (type != fs::file_type::directory) files.push_back(entry->path());
    }
    if (error && error.value() != ENOENT) blobs::throw_io(error.value(), "read the folder", layout.artifacts());
    return files;
}

NamedLinks survey_named_links(ManagerImpl& manager) {
    constexpr std::size_t id_size = 36;
    const auto& storage = manager.storage_path();
    const auto files = named_link_files(manager.layout());
    NamedLinks links;
    manager.database().read([&](sqlite::Connection& connection) {
        links = {};
        std::set<fs::path> seen;
        for (const auto& file : files) {
            const auto owner = owner_of(connection, storage, file.filename().string().substr(0, id_size));
            if (!owner || owner->path != file) {
                links.stale.push_back(file);
                continue;
            }
            seen.insert(file);
            if (!leads_to(file, manager.blobs().path_of(owner->payload))) links.wrong.push_back(*owner);
        }
        for (const auto& id : audit::artifacts_handed_out(connection)) {
            const auto owner = owner_of(connection, storage, id);
            if (owner && !seen.contains(owner->path)) links.missing.push_back(*owner);
        }
    });
    return links;
}

}  // namespace custody::manager
