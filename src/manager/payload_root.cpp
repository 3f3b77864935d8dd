#include "manager/payload_root.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <custody/error.hpp>
#include <fstream>
#include <optional>

#include "blobs/durable.hpp"
#include "blobs/incoming.hpp"
#include "manager/layout.hpp"

namespace custody::manager {

namespace {

constexpr const char* marker_name = "custody-store";

// What the folder's marker says: the store's id, and where that was made.
struct Owner {
    std::string store_id{};
    std::filesystem::path base{};
};

// Nothing where there is no marker.
std::optional<Owner> owner_of(const std::filesystem::path& root) {
    const auto marker = root / marker_name;
    std::error_code code;
    const auto status = std::filesystem::symlink_status(marker, code);
    if (status.type() == std::filesystem::file_type::not_found) return std::nullopt;
    std::ifstream file(marker);
    Owner owner;
    std::getline(file, owner.store_id);
    if (std::string base; std::getline(file, base, '\0')) owner.base = base;
    // Less than all of it would be another store's.
    if (code || owner.store_id.empty() || file.bad()) throw IoError("can't read " + marker.string(), code ? code.value() : EIO);
    return owner;
}

void refuse_in_use(const std::filesystem::path& root) {
    std::error_code ignored;
    const auto blobs = root / "blobs";
    if (std::filesystem::exists(blobs, ignored) && !std::filesystem::is_empty(blobs, ignored)) {
        throw InvalidArgument("there are payloads in " + blobs.string() +
                              ", and this new store would take them for its own: name an empty folder");
    }
    if (std::filesystem::exists(root / "catalog.db", ignored)) {
        throw InvalidArgument(root.string() + " is the inside of a store: name another folder for payloads");
    }
}

// Of several that do this at once one is first, and its marker is whole.
void place_marker(const std::filesystem::path& root, const std::string& store_id, const std::filesystem::path& base,
                  unsigned mode) {
    const blobs::Abilities abilities;
    const auto marker = root / marker_name;
    const auto place = [&](blobs::Incoming file) {
        blobs::write_all(file.get(), store_id + "\n" + base.string(), marker);
        blobs::sync_file(file.get(), marker);
        return file.place(marker);
    };
    if (place(blobs::Incoming::make(root, root, mode, abilities)) == blobs::Incoming::Placed::refused) {
        place(blobs::Incoming::make_named(root, mode, abilities));
    }
    blobs::sync_folder(root);
}

}  // namespace

void claim_payload_root(const std::filesystem::path& root, const std::string& store_id, const std::filesystem::path& base,
                        unsigned mode, bool after_kill) {
    auto owner = owner_of(root);
    if (!owner || (after_kill && owner->base == base)) {
        refuse_in_use(root);
        const auto marker = payload_root_marker(root);
        if (owner) std::filesystem::remove(marker);
        try {
            place_marker(root, store_id, base, mode);
            owner = owner_of(root);
        } catch (...) {
            release_payload_root(marker, store_id);
            throw;
        }
    }
    if (owner && owner->store_id == store_id && owner->base == base) return;
    throw InvalidArgument("the payloads of another store" + (owner ? ", that in " + owner->base.string() + "," : std::string()) +
                          " are in " + root.string() + " (" + payload_root_marker(root) +
                          " says so): name another folder. Where an init was interrupted and that store was never made, remove "
                          "that file");
}

std::string payload_root_marker(const std::filesystem::path& root) { return root / marker_name; }

void release_payload_root(const std::string& marker, const std::string& store_id) noexcept {
    std::array<char, 64> bytes{};
    const int file = ::open(marker.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return;  // the message of the next claim tells what to do
    const auto count = ::read(file, bytes.data(), bytes.size());
    ::close(file);
    if (count > 0 && std::string_view(bytes.data(), static_cast<std::size_t>(count)).starts_with(store_id)) {
        ::unlink(marker.c_str());
    }
}

bool has_payload_marker(const std::filesystem::path& root) { return owner_of(root).has_value(); }

void require_payload_folder(const std::filesystem::path& root) {
    std::error_code code;
    const auto status = std::filesystem::symlink_status(root / "blobs", code);
    if (status.type() != std::filesystem::file_type::not_found || has_payload_marker(root)) return;
    throw IoError("the payload folder " + root.string() +
                      " is missing or empty, and this store's payloads should be there: mount its disk, or put the folder back",
                  ENOENT);
}

// A store that was moved is no longer where its marker says; one that was copied still is.
void require_own_payload_root(const std::filesystem::path& root, const std::string& store_id, const std::filesystem::path& base) {
    const auto owner = owner_of(root);
    if (!owner) return;
    if (owner->store_id != store_id) {
        throw Conflict("the payload folder " + root.string() + " is that of store " + owner->store_id + ", and this is store " +
                       store_id +
                       ": two stores in one folder would remove each other's payloads. Put back the folder that was moved");
    }
    std::error_code ignored;
    if (owner->base.empty() || owner->base == base) return;
    const Layout there{owner->base}, here{base};
    if (!std::filesystem::exists(there.catalog(), ignored)) return;
    if (std::filesystem::equivalent(there.catalog(), here.catalog(), ignored)) return;
    throw Conflict("the payload folder " + root.string() + " is that of the store in " + owner->base.string() + ", and " +
                   base.string() +
                   " is a copy of it: each would remove payloads of the other. Use that store; or make one of its "
                   "own with `custody restore`, which takes the copy or a backup");
}

}  // namespace custody::manager
