#include "manager/leftovers.hpp"

#include <custody/error.hpp>

#include "blobs/durable.hpp"

namespace custody::manager {

namespace {

constexpr auto draft_age = std::chrono::hours(24);

bool is_old_draft(const std::filesystem::directory_entry& entry) {
    if (!entry.path().filename().string().starts_with("catalog.db.new-")) return false;
    std::error_code gone;
    const auto written = entry.last_write_time(gone);
    return !gone && written + draft_age < std::filesystem::file_time_type::clock::now();
}

std::vector<std::filesystem::path> old_drafts(const Layout& layout) {
    std::vector<std::filesystem::path> drafts;
    std::error_code code;
    for (std::filesystem::directory_iterator entry(layout.storage(), code), end; !code && entry != end; entry.increment(code)) {
        if (is_old_draft(*entry)) drafts.push_back(entry->path());
    }
    if (code) throw IoError("can't read the folder " + layout.storage().string() + ": " + code.message(), code.value());
    return drafts;
}

}  // namespace

std::vector<std::filesystem::path> leftovers(const Layout& layout) {
    auto left = old_drafts(layout);
    for (auto& folder : blobs::dead_process_folders(layout.temp())) left.push_back(std::move(folder));
    return left;
}

void sweep_leftovers(const Layout& layout) noexcept {
    try {
        std::error_code refused;
        for (const auto& draft : old_drafts(layout)) std::filesystem::remove(draft, refused);
        blobs::remove_dead_process_folders(layout.temp());
    } catch (const std::exception&) {
        // They take room and nothing else; verify notes them.
    }
}

}  // namespace custody::manager
