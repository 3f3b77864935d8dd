#pragma once

#include <filesystem>
#include <string>

namespace custody::manager {

/// Makes a folder outside of the store its payload folder, by a durable file that names the store: two stores in one folder
/// would take each other's payloads for orphans. Where `after_kill`, a claim for a store in `base` is of an init that was
/// killed, and is replaced. @throws InvalidArgument where it is another store's, or the same store's in another place, has
/// payloads already, or holds a catalog
void claim_payload_root(const std::filesystem::path& root, const std::string& store_id, const std::filesystem::path& base,
                        unsigned mode, bool after_kill = false);
/// The file that says whose a payload folder is.
std::string payload_root_marker(const std::filesystem::path& root);
/// Takes the claim back, after the making of the store has failed: for lack of memory, perhaps, so this needs none.
void release_payload_root(const std::string& marker, const std::string& store_id) noexcept;

/// Whether the folder says whose it is. @throws IoError
bool has_payload_marker(const std::filesystem::path& root);
/// @throws IoError where nothing of a payload folder is there, as where its disk is not mounted
void require_payload_folder(const std::filesystem::path& root);

/// @throws Conflict where the folder says that it is another store's, or that of the same store in another place, of which this
/// is a copy: what one removed the other would miss. A folder that says nothing is of a store that is older than these files.
void require_own_payload_root(const std::filesystem::path& root, const std::string& store_id, const std::filesystem::path& base);

}  // namespace custody::manager
