#include "manager/new_folder.hpp"

#include <custody/error.hpp>
#include <fstream>
#include <sstream>

#include "blobs/durable.hpp"
#include "manager/payload_root.hpp"

namespace custody::manager {

namespace {

constexpr const char* mark_name = "restore-unfinished";

// @throws IoError where that can't be seen: a folder that can't be read is not called a full one.
bool has_nothing(const std::filesystem::path& folder) {
    std::error_code code;
    if (std::filesystem::symlink_status(folder, code).type() == std::filesystem::file_type::not_found) return true;
    const bool is_empty = !code && std::filesystem::is_empty(folder, code);
    if (code) throw IoError("can't read " + folder.string() + ": " + code.message(), code.value());
    return is_empty;
}

// What the mark of a restore says: whose it is, and where its payloads go.
std::string mark_of(const std::string& store_id, const std::optional<std::string>& payloads) {
    return store_id + "\n" + payloads.value_or("") + "\n";
}

bool was_killed(const std::filesystem::path& base, const std::string& mark) {
    std::error_code code;
    if (std::filesystem::exists(base / "storage" / "catalog.db", code)) return false;
    std::ifstream in(base / mark_name, std::ios::binary);
    std::ostringstream text;
    return in && (text << in.rdbuf()) && text.view() == mark;
}

// Another store's payloads there would be taken for this one's, those of the store that this is a copy of too.
void refuse_in_use(const std::filesystem::path& base, const std::optional<std::string>& payloads, const std::string& mark) {
    if (was_killed(base, mark)) return;
    if (!has_nothing(base)) {
        throw InvalidArgument(base.string() + " is not empty: a store is restored into a new folder, and nothing was changed");
    }
    if (payloads && !has_nothing(*payloads)) {
        throw InvalidArgument(*payloads + " is not empty: payloads are restored into a new folder, and nothing was changed");
    }
}

}  // namespace

NewFolder::NewFolder(const Layout& layout, const std::optional<std::string>& payloads, const std::string& store_id,
                     const blobs::Modes& modes)
    : layout_(layout), catalog_(layout.catalog().string()), payloads_(payloads), store_id_(store_id) {
    const auto mark = mark_of(store_id_, payloads_);
    refuse_in_use(layout_.base, payloads_, mark);
    blobs::make_parents(layout_.base);
    try {
        make_alone(modes, mark);
        make_folders(layout_, modes);
        if (payloads_) {
            blobs::make_folder(*payloads_, modes.folder());
            claim_payload_root(*payloads_, store_id_, layout_.base, modes.file());
            claimed_ = true;
        }
    } catch (...) {
        take_away();
        throw;
    }
}

// The mark of a restore that goes on looks like that of one that was killed; the lock on the folder tells them apart.
void NewFolder::make_alone(const blobs::Modes& modes, const std::string& mark) {
    std::error_code code;
    made_base_ = !std::filesystem::exists(layout_.base, code);
    blobs::make_folder(layout_.base, modes.folder());
    auto alone = blobs::try_lock_folder(layout_.base);
    if (!alone) {
        throw Conflict("another restore is making a store in " + layout_.base.string() + " at this moment; nothing was changed");
    }
    refuse_in_use(layout_.base, payloads_, mark);  // which may have ended since
    alone_ = std::move(*alone);
    blobs::write_atomically(layout_.base / mark_name, modes.file(), [&](const auto& append) { append(mark); });
}

NewFolder::~NewFolder() {
    if (!kept_) take_away();
}

void NewFolder::keep() {
    kept_ = true;
    std::error_code ignored;  // a mark beside a catalog says nothing
    std::filesystem::remove(layout_.base / mark_name, ignored);
}

// Only what a restore makes, and the mark last: where this is interrupted, the next one can go on.
void NewFolder::take_away() noexcept {
    if (!alone_ || may_be_there(catalog_)) return;  // what is there is another's, or a store
    try {
        std::error_code ignored;
        for (const auto* own : {"blobs", "trash", "temp", "artifacts"}) {
            std::filesystem::remove_all(layout_.storage() / own, ignored);
        }
        if (std::filesystem::exists(layout_.storage(), ignored)) {
            for (const auto& draft : std::filesystem::directory_iterator(layout_.storage())) {
                if (draft.path().filename().native().starts_with("catalog.db.new-")) std::filesystem::remove(draft, ignored);
            }
        }
        if (claimed_) {
            for (const char* own : {"blobs", "trash"}) {
                std::filesystem::remove_all(std::filesystem::path(*payloads_) / own, ignored);
            }
            release_payload_root(payload_root_marker(*payloads_), store_id_);
        }
        for (const auto& folder : {layout_.storage(), layout_.audit()}) std::filesystem::remove(folder, ignored);
        std::filesystem::remove(layout_.base / mark_name, ignored);
        if (made_base_) std::filesystem::remove(layout_.base, ignored);
    } catch (const std::exception&) {
        // No memory for the names: as after a kill, the next restore into this folder goes on.
    }
}

}  // namespace custody::manager
