#pragma once

#include <filesystem>
#include <string>

namespace custody::manager {

/// Makes a folder outside of the store its payload folder, by a durable file that names the store: two stores in one folder
/// would take each other's payloads for orphans. @throws InvalidArgument where it is another store's, has payloads already, or
/// holds a catalog
void claim_payload_root(const std::filesystem::path& root, const std::string& store_id, const std::filesystem::path& base,
                        unsigned mode);
/// Takes the claim back, after the making of the store has failed.
void release_payload_root(const std::filesystem::path& root, const std::string& store_id) noexcept;

/// @throws Conflict where the folder says that it is another store's, or that of the same store in another place, of which this
/// is a copy: what one removed the other would miss. A folder that says nothing is of a store that is older than these files.
void require_own_payload_root(const std::filesystem::path& root, const std::string& store_id, const std::filesystem::path& base);

}  // namespace custody::manager
