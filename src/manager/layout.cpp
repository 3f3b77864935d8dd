#include "manager/layout.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <custody/error.hpp>

#include "blobs/durable.hpp"

namespace custody::manager {

namespace {

// Absolute, without `..`, with the links of as much of it as is there resolved.
std::filesystem::path resolved(const std::filesystem::path& path) {
    std::error_code code;
    auto whole = std::filesystem::weakly_canonical(std::filesystem::absolute(path, code), code);
    if (code) throw IoError("can't resolve the path " + path.string() + ": " + code.message(), code.value());
    return whole;
}

bool lies_in(const std::filesystem::path& path, const std::filesystem::path& folder) {
    return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

}  // namespace

void refuse_nul(const std::filesystem::path& path, const std::string& what) {
    if (path.native().find('\0') != std::string::npos) throw InvalidArgument(what + " has a NUL in its path");
}

Layout layout_of(const std::filesystem::path& base) {
    if (base.empty()) throw InvalidArgument("no store was named: its path is empty");
    refuse_nul(base, "the store");
    auto absolute = resolved(base);
    if (!absolute.has_filename() && absolute.has_parent_path()) absolute = absolute.parent_path();
    return {absolute};
}

bool may_be_there(const std::string& catalog) noexcept {
    return ::access(catalog.c_str(), F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

void make_folders(const Layout& layout, const blobs::Modes& modes) {
    for (const auto& folder : {layout.storage(), layout.artifacts(), layout.temp(), layout.audit()}) {
        blobs::make_folder(folder, modes.folder());
    }
}

void refuse_inside_any_store(const std::filesystem::path& path) {
    for (auto folder = resolved(path); folder.has_relative_path(); folder = folder.parent_path()) {
        const Layout around{folder.parent_path()};
        std::error_code ignored;
        if (folder != around.storage() || !std::filesystem::exists(around.catalog(), ignored)) continue;
        throw InvalidArgument(path.string() + " lies in the store " + around.base.string() + " (in its " +
                              folder.filename().string() + "/): name a place outside of it");
    }
}

void refuse_inside_store(const Layout& layout, const std::filesystem::path& payload_root, const std::filesystem::path& scratch,
                         const std::filesystem::path& output) {
    refuse_nul(output, "what is named");
    const auto path = resolved(output);
    if (!scratch.empty() && lies_in(path, resolved(scratch))) return;
    for (const auto& own : {layout.storage(), payload_root / "blobs", payload_root / "trash"}) {
        if (lies_in(path, resolved(own))) {
            throw InvalidArgument(output.string() + " lies in the store itself (" + own.string() +
                                  "): name a place outside of it");
        }
    }
    refuse_inside_any_store(output);
}

}  // namespace custody::manager
