#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include <custody/error.hpp>

#include "base/hex.hpp"
#include "blobs/blob_store.hpp"
#include "blobs/durable.hpp"
#include "blobs/errors.hpp"
#include "blobs/moving_source.hpp"
#include "blobs/read_lease.hpp"
#include "blobs/trash_name.hpp"

namespace custody::blobs {

namespace {

/// So often a payload may come and go while it is published, before that is called an error.
constexpr int most_attempts = 1000;
/// At 2 ms each: far longer than it takes to make a folder and to set its permissions.
constexpr int most_folder_attempts = 50;

}  // namespace

/// Writes the payload once more, from the file still open. @throws IoError where it is no longer what was hashed
Incoming BlobStore::copy_of(const Staged& staged, bool named) const {
    auto fresh = named ? Incoming::make_named(trash(), modes_.payload(), abilities_) : make_incoming();
    const int from = staged.file_.get();
    const auto& shown = staged.file_.shown();
    if (::lseek(from, 0, SEEK_SET) < 0) throw_io(errno, "read", shown);
    if (copy_and_hash({from, shown}, {fresh.get(), fresh.shown()}, staged.size_bytes_, abilities_).digest != staged.digest_)
        throw_changed(shown);
    sync_file(fresh.get(), fresh.shown());
    return fresh;
}

void BlobStore::restage(Staged& staged, bool named) const {
    staged.file_ = copy_of(staged, named);
    staged.mtime_ns_ = blobs::mtime_ns(look_at(staged.file_.get(), staged.file_.shown()));
}

/// Gives it its name by whatever way there is; false where the name is taken (and not to be taken over).
bool BlobStore::put(Staged& staged, const std::filesystem::path& name, bool over) const {
    if (staged.moving_ && staged.moving_->step() == MovingSource::Step::rename) {
        std::optional<gid_t> group;
        struct stat folder {};
        if (modes_.group && ::stat(blobs().c_str(), &folder) == 0) group = folder.st_gid;
        const auto renamed =
            staged.moving_->rename_to(staged.file_.get(), {name, staged.digest_, trash(), modes_.payload(), group}, over);
        if (renamed != MovingSource::Renamed::refused) return renamed == MovingSource::Renamed::done;
        end_read_lease(staged.file_.get());
        staged.moving_->set_step(MovingSource::Step::remove);
        restage(staged, false);
    }
    auto placed = over ? staged.file_.replace(name) : staged.file_.place(name);
    if (placed == Incoming::Placed::refused) {
        restage(staged, true);
        placed = over ? staged.file_.replace(name) : staged.file_.place(name);
    }
    return placed == Incoming::Placed::done;
}

/// As put(), making the payload's folder where it is missing. Others may be making it at the same moment: it is then there at the
/// second look, and in a group's store closed to us until its maker has opened it. Its own name is synced with the payload's.
bool BlobStore::put_in_folder(Staged& staged, const std::filesystem::path& name, bool over) const {
    for (int attempt = 1;; ++attempt) {
        try {
            return put(staged, name, over);
        } catch (const IoError& error) {
            const bool being_made = error.code() == EACCES && modes_.group;
            if ((error.code() != ENOENT && !being_made) || attempt == most_folder_attempts) throw;
            if (being_made) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        make_folder(name.parent_path(), modes_.folder(), Sync::later);
        (*durable_folders_)[staged.digest_.bytes()[0]] = false;
    }
}

/// What is there under the payload's name. Good means: this very content, hashed unless it is trusted.
BlobStore::Found BlobStore::inspect(Staged& staged, const std::filesystem::path& name, bool trusted) const {
    struct stat status {};
    if (::lstat(name.c_str(), &status) != 0) {
        if (errno == ENOENT) return Found::gone;
        throw_io(errno, "look at the payload", name);
    }
    if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != staged.size_bytes_) return Found::bad;
    if (!trusted) {
        const Descriptor file(::open(name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (!file && errno == ENOENT) return Found::gone;
        if (!file) throw_io(errno, "open the payload", name);
        try {
            if (hash_in_place({file.get(), name}, abilities_).digest != staged.digest_) return Found::bad;
        } catch (const IoError& error) {
            if (error.code() != EIO) throw;
            return Found::bad;  // unreadable, and the good copy is at hand
        }
        status = look_at(file.get(), name);
    }
    if ((status.st_mode & 07777U) != modes_.payload()) ::chmod(name.c_str(), modes_.payload());  // its owner's to put right
    staged.mtime_ns_ = blobs::mtime_ns(status);
    return Found::good;
}

/// What is no file can't be replaced by a rename in every case; it goes to trash/.
void BlobStore::move_aside(const std::filesystem::path& name) const {
    struct stat status {};
    if (::lstat(name.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return;
    if (::rename(name.c_str(), (trash() / trash_name(name.filename().native())).c_str()) != 0 && errno != ENOENT) {
        throw_io(errno, "move aside", name);
    }
}

/// A source that was renamed in must not be open for writing anywhere: else the store gets a copy of its own, and the source
/// its place back.
void BlobStore::settle_move(Staged& staged, const std::filesystem::path& name) const {
    if (!staged.moving_ || staged.moving_->step() != MovingSource::Step::renamed) return;
    ::fsync(staged.moving_->folder());  // only the new name must be durable, and is; a failure here may leave the old one too
    if (read_lease_holds(staged.file_.get())) return;
    try {
        if (return_source(staged, name)) staged.moving_->set_step(MovingSource::Step::remove);
    } catch (const Error&) {
        if (staged.moving_->step() == MovingSource::Step::renamed) staged.moving_->put_back(staged.file_.get(), name);
        throw;
    }
}

/// Swaps a copy into the source's place in the store, and gives the source its old name. False where that name is taken.
bool BlobStore::return_source(Staged& staged, const std::filesystem::path& name) const {
    auto copy = copy_of(staged, true);
    copy.exchange(name);
    sync_folder(name.parent_path());
    const bool back = staged.moving_->put_back(staged.file_.get(), copy.temporary_name());
    if (back) copy.release_name();
    staged.moving_->set_step(MovingSource::Step::done);
    staged.file_ = std::move(copy);
    staged.mtime_ns_ = blobs::mtime_ns(look_at(staged.file_.get(), name));
    return back;
}

/// Makes a payload's name durable. Its folder's own name too, once for each folder in a process: another process may have made it
/// a moment ago and not have come to its sync.
void BlobStore::sync_name(const std::filesystem::path& name, const Digest& digest) const {
    sync_folder(name.parent_path());
    auto& known = (*durable_folders_)[digest.bytes()[0]];
    if (known) return;
    sync_folder(blobs());
    known = true;
}

void BlobStore::sync_staged(std::span<const Staged* const> all) const {
    sync_at_once(all.size(), [&](std::size_t i) { sync_file(all[i]->file_.get(), all[i]->file_.shown()); });
}

void BlobStore::sync_names(std::span<const Staged* const> all) const {
    std::map<std::uint8_t, std::filesystem::path> by_byte;
    for (const auto* staged : all) by_byte.emplace(staged->digest_.bytes()[0], path_of(staged->digest_).parent_path());
    const std::vector<std::pair<std::uint8_t, std::filesystem::path>> folders(by_byte.begin(), by_byte.end());
    sync_at_once(folders.size(), [&](std::size_t i) { sync_folder(folders[i].second); });
    const auto is_known = [&](const auto& folder) { return (*durable_folders_)[folder.first].load(); };
    if (std::all_of(folders.begin(), folders.end(), is_known)) return;
    sync_folder(blobs());
    for (const auto& folder : folders) (*durable_folders_)[folder.first] = true;
}

void BlobStore::sync_all_names() const {
    std::vector<std::filesystem::path> folders;
    for (int byte = 0; byte < 256; ++byte) {
        auto folder = blobs() / base::to_hex(std::array{static_cast<std::uint8_t>(byte)});
        std::error_code unknown;
        if (std::filesystem::exists(folder, unknown) || unknown) folders.push_back(std::move(folder));
    }
    sync_at_once(folders.size(), [&](std::size_t i) { sync_folder(folders[i]); });
    sync_folder(blobs());
}

Published BlobStore::publish(Staged& staged, bool trusted, Sync sync) {
    const auto name = path_of(staged.digest_);
    auto result = Published::present;
    for (int attempt = 1;; ++attempt) {
        if (put_in_folder(staged, name, false)) {
            result = Published::added;
            break;
        }
        const auto found = inspect(staged, name, trusted && !staged.moving_);
        if (found == Found::good) break;
        if (found == Found::bad) {
            move_aside(name);
            put_in_folder(staged, name, true);
            result = Published::healed;
            break;
        }
        if (attempt == most_attempts) throw_io(EAGAIN, "publish the payload", name);
    }
    if (result != Published::present) {
        staged.added_ = true;
        staged.mtime_ns_ = blobs::mtime_ns(look_at(staged.file_.get(), name));
    }
    // The new name before the old one's going: else a power loss could leave neither.
    if (sync == Sync::now || staged.moving_) sync_name(name, staged.digest_);
    settle_move(staged, name);
    return result;
}

BlobStat BlobStore::ensure_published(Staged& staged) {
    const auto name = path_of(staged.digest_);
    settle_move(staged, name);
    if (const auto there = published(staged)) return *there;
    publish(staged, true);
    return {staged.size_bytes_, staged.mtime_ns_};
}

std::optional<BlobStat> BlobStore::published(const Staged& staged) const {
    const auto there = stat(staged.digest_);
    return there && there->size_bytes == staged.size_bytes_ ? there : std::nullopt;
}

bool BlobStore::finish_move(Staged& staged) noexcept {
    if (!staged.moving_) return true;
    try {
        switch (staged.moving_->step()) {
            case MovingSource::Step::renamed:
                end_read_lease(staged.file_.get());
                staged.moving_->set_step(MovingSource::Step::done);
                staged.moving_->settle();
                return true;
            case MovingSource::Step::done:
                staged.moving_->settle();
                return true;
            default:
                return staged.moving_->remove(path_of(staged.digest_));
        }
    } catch (const std::exception&) {
        return false;
    }
}

bool BlobStore::undo_move(Staged& staged, bool unreferenced) noexcept {
    if (!staged.moving_ || staged.moving_->step() != MovingSource::Step::renamed) return true;
    try {
        const auto name = path_of(staged.digest_);
        if (!unreferenced) return return_source(staged, name);
        const bool back = staged.moving_->put_back(staged.file_.get(), name);
        if (back) staged.added_ = false;
        return back;
    } catch (const std::exception&) {
        return false;
    }
}

}  // namespace custody::blobs
