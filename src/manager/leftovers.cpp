#include "manager/leftovers.hpp"

#include <custody/error.hpp>

#include "blobs/durable.hpp"

namespace custody::manager {

namespace {

constexpr auto draft_age = std::chrono::hours(24);

bool is_draft(const std::filesystem::path& path) { return path.filename().string().starts_with("catalog.db.new-"); }

bool is_old(const std::filesystem::directory_entry& entry) {
    std::error_code gone;
    const auto written = entry.last_write_time(gone);
    return !gone && written + draft_age < std::filesystem::file_time_type::clock::now();
}

void remove_unless_dry(blobs::Swept& swept, bool dry_run) {
    if (dry_run) return;
    std::error_code refused;
    std::filesystem::remove_all(swept.path, refused);
    if (!refused) return;
    swept.why_not = "it can't be removed: " + refused.message();
    swept.failed = true;
}

void sweep_drafts(const Layout& layout, bool dry_run, const blobs::SweptCallback& tell) {
    std::error_code code;
    for (std::filesystem::directory_iterator entry(layout.storage(), code), end; !code && entry != end; entry.increment(code)) {
        if (!is_draft(entry->path())) continue;
        blobs::Swept swept{
            .path = entry->path(), .size_bytes = blobs::size_of(entry->path()), .why = "an init that died left it"};
        if (is_old(*entry)) {
            remove_unless_dry(swept, dry_run);
        } else {
            swept.why_not = "it is younger than a day, and may still be written";
        }
        tell(swept);
    }
    if (code) throw IoError("can't read the folder " + layout.storage().string() + ": " + code.message(), code.value());
}

}  // namespace

void sweep_leftovers(const Layout& layout, bool dry_run, const blobs::SweptCallback& tell) {
    sweep_drafts(layout, dry_run, tell);
    blobs::sweep_temporary_files(layout.audit(), dry_run, tell);
    blobs::for_each_process_folder(layout.temp(), [&](const std::filesystem::path& path, bool dead) {
        blobs::Swept swept{.path = path, .size_bytes = blobs::size_of(path), .why = "its process is gone"};
        if (dead) {
            remove_unless_dry(swept, dry_run);
        } else {
            swept.why_not = "its process is running, or of another account";
        }
        tell(swept);
    });
}

std::vector<std::filesystem::path> leftovers(const Layout& layout) {
    std::vector<std::filesystem::path> left;
    sweep_leftovers(layout, true, [&](const blobs::Swept& swept) {
        if (swept.why_not.empty()) left.push_back(swept.path);
    });
    return left;
}

void sweep_leftovers(const Layout& layout) noexcept {
    try {
        sweep_leftovers(layout, false, [](const blobs::Swept&) {});
    } catch (const std::exception&) {
        // They take room and nothing else; verify notes them.
    }
}

}  // namespace custody::manager
