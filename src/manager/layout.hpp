#pragma once

#include <filesystem>

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

/// Absolute, with the links of what is there resolved, so that it holds after chdir. @throws IoError
Layout layout_of(const std::filesystem::path& base);

}  // namespace custody::manager
