#pragma once

#include <cstdint>
#include <custody/ids.hpp>
#include <custody/json.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace custody::manager {

struct Manifest;

/// What lies in a folder of backups: catalog.db, blobs/ as in a store, and a description, backup.json.
struct BackupFolder {
    std::filesystem::path root;
    [[nodiscard]] std::filesystem::path catalog() const { return root / "catalog.db"; }
    [[nodiscard]] std::filesystem::path draft() const { return root / "catalog.db.new"; }
    [[nodiscard]] std::filesystem::path damaged_catalog() const { return root / "catalog-damaged.db"; }
    [[nodiscard]] std::filesystem::path manifest() const { return root / "backup.json"; }
    /// Where a complete backup goes that the next one does not continue. The head's root is in the name: two stores that went on
    /// differently from one copy have the same epoch, and may have as many entries.
    [[nodiscard]] std::filesystem::path aside(std::string_view file, const Manifest& of) const;
};

/// backup.json: whose backup it is, and the head that its catalog had when it was complete.
struct Manifest {
    std::string store_id;
    bool complete = false;  ///< false while the first backup is made
    std::string epoch{};
    std::uint64_t tree_size = 0;
    std::optional<Digest> root{};
    bool has_payloads = true;

    /// nullopt where there is none. @throws IoError, Corruption where it can't be read
    static std::optional<Manifest> read(const std::filesystem::path& file);
};

/// Writes it durably, whole or not at all. @throws IoError
void write_manifest(const BackupFolder& folder, const ordered_json& manifest);

}  // namespace custody::manager
