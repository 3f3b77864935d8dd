#pragma once

#include <filesystem>
#include <optional>

#include "manager/backup_folder.hpp"

namespace custody::manager {

/// What a store is to be restored from.
struct RestoreSource {
    std::filesystem::path catalog;
    std::filesystem::path payload_root;  ///< holds blobs/; the catalog may say another place
    bool is_store = false;               ///< the copy of a store's folder
    std::optional<Manifest> manifest{};

    /// A folder of backups, the copy of a store's folder, or a catalog in a folder of backups (one that was kept aside).
    /// @throws StoreNotFound, Corruption, IoError
    static RestoreSource find(const std::filesystem::path& path);
};

}  // namespace custody::manager
