#pragma once

#include <filesystem>
#include <string>

#include "blobs/blob_store.hpp"

namespace custody::manager {

/// Where things are in a store.
struct Layout {
    std::filesystem::path base;
    [[nodiscard]] std::filesystem::path storage() const { return base / "storage"; }
    [[nodiscard]] std::filesystem::path catalog() const { return storage() / "catalog.db"; }
    [[nodiscard]] std::filesystem::path artifacts() const { return storage() / "artifacts"; }
    [[nodiscard]] std::filesystem::path temp() const { return storage() / "temp"; }
    [[nodiscard]] std::filesystem::path write_queue() const { return temp() / "write-queue"; }
    [[nodiscard]] std::filesystem::path audit() const { return base / "audit"; }
};

/// The system would take such a path for what stands before the NUL. @throws InvalidArgument
void refuse_nul(const std::filesystem::path& path, const std::string& what);

/// Absolute, with the links of what is there resolved, so that it holds after chdir. @throws IoError
Layout layout_of(const std::filesystem::path& base);

/// Whether a store's catalog is there, or can't be said not to be. What an init or a restore has made and then fails is taken
/// away only where it isn't: others may use it already. Needs no memory, which may be what they failed for.
bool may_be_there(const std::string& catalog) noexcept;

/// The folders that every store has below its base, which must be there. @throws IoError
void make_folders(const Layout& layout, const blobs::Modes& modes);

/// What is made anew may not lie in the `storage/` of any store, whichever links lead there: that store would take it for its
/// own, or sweep it away. @throws InvalidArgument, IoError
void refuse_inside_any_store(const std::filesystem::path& path);

/// What a caller names to be written must not be one of the store's own files, nor of another one's: `output` may lie neither in
/// `storage/` nor among the payloads (`blobs/` and `trash/` below `payload_root`), whichever links lead there; in `scratch`,
/// where there is one, it may. @throws InvalidArgument, IoError
void refuse_inside_store(const Layout& layout, const std::filesystem::path& payload_root, const std::filesystem::path& scratch,
                         const std::filesystem::path& output);

}  // namespace custody::manager
