#include "manager/restore_source.hpp"

#include <custody/error.hpp>

namespace custody::manager {

namespace {

bool is_file(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored);
}

}  // namespace

RestoreSource RestoreSource::find(const std::filesystem::path& path) {
    if (is_file(path)) return {path, path.parent_path().empty() ? "." : path.parent_path()};
    const BackupFolder folder{path};
    if (auto manifest = Manifest::read(folder.manifest())) {
        if (!manifest->complete) throw StoreNotFound("the backup in " + path.string() + " was never completed: make it anew");
        if (!is_file(folder.catalog())) throw Corruption("the catalog of the backup is missing: " + folder.catalog().string());
        return {folder.catalog(), path, false, std::move(manifest)};
    }
    const auto storage = path / "storage";
    if (is_file(storage / "catalog.db")) return {storage / "catalog.db", storage, true};
    throw StoreNotFound("there is neither a backup nor a store at " + path.string());
}

}  // namespace custody::manager
