#include "blobs/moving_source.hpp"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <custody/error.hpp>

#include "blobs/copy.hpp"
#include "blobs/durable.hpp"
#include "blobs/errors.hpp"
#include "blobs/read_lease.hpp"
#include "blobs/resolve.hpp"

namespace custody::blobs {

namespace {

bool same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

bool is_full_or_broken(int code) { return code == ENOSPC || code == EDQUOT || code == EIO; }

bool is_folder(const std::filesystem::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

MovingSource::MovingSource(std::filesystem::path path, int file) : path_(std::move(path)), name_(path_.filename().native()) {
    before_ = look_at(file, path_);
    const auto parent = path_.parent_path();
    folder_ = Descriptor(open_without_links(AT_FDCWD, parent.empty() ? "." : parent.native(), O_RDONLY | O_DIRECTORY));
    if (!folder_) throw_io(errno, "open the folder of", path_);
    struct stat named {};
    if (::fstatat(folder_.get(), name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) throw_io(errno, "look at", path_);
    if (!same_file(named, before_)) throw_changed(path_);
    if (::faccessat(folder_.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) throw_io(errno, "move (remove) the source", path_);
    const auto around = look_at(folder_.get(), parent);
    const uid_t self = ::geteuid();
    const bool keeps = (around.st_mode & S_ISVTX) != 0 && self != 0 && around.st_uid != self && before_.st_uid != self;
    if (keeps) throw_io(EPERM, "move (remove) the source", path_);
}

bool MovingSource::may_become_payload(int file, dev_t device, const Abilities& abilities) const {
    if (!abilities.lease || !abilities.rename_noreplace) return false;
    if (!S_ISREG(before_.st_mode) || before_.st_nlink != 1 || before_.st_uid != ::geteuid() || before_.st_dev != device)
        return false;
    // An access list would let others in past the payload's permissions.
    if (::fgetxattr(file, "system.posix_acl_access", nullptr, 0) > 0) return false;
    return take_read_lease(file);
}

void MovingSource::restore(int file) const {
    struct stat now {};
    if (::fstat(file, &now) != 0) return;
    // Each is undone only where it was done, and a failure leaves a file that its owner can still put right.
    if (now.st_gid != before_.st_gid && ::fchown(file, static_cast<uid_t>(-1), before_.st_gid) != 0) return;
    if (((now.st_mode ^ before_.st_mode) & 07777U) != 0 && ::fchmod(file, before_.st_mode & 07777U) != 0) return;
}

// False where the source can't be marked, and is to be copied therefore.
bool MovingSource::mark(const Target& target) {
    std::error_code code;
    const auto folder = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(folder_.get()), code);
    if (code) return false;
    try {
        mark_ = MovingMark(target.trash, target.digest, folder / name_);
        return true;
    } catch (const IoError& error) {
        if (is_full_or_broken(error.code())) throw;
        return false;
    }
}

MovingSource::Renamed MovingSource::rename_to(int file, const Target& target, bool over) {
    const auto& [name, digest, trash, mode, group] = target;
    struct stat named {};
    if (!over && ::lstat(name.c_str(), &named) == 0) return Renamed::exists;
    if (!is_folder(name.parent_path())) throw_io(ENOENT, "move the source to", name);
    if (::fstatat(folder_.get(), name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 || !same_file(named, before_) ||
        !read_lease_holds(file)) {
        return Renamed::refused;
    }
    if (!lock_moved(file) || !mark(target)) return Renamed::refused;
    if (group && *group != before_.st_gid && ::fchown(file, static_cast<uid_t>(-1), *group) != 0) {
        mark_.remove();
        return Renamed::refused;
    }
    // Before the rename: under its final name a payload never has any other permissions.
    const bool ready = ::fchmod(file, mode) == 0 && ::fsync(file) == 0;
    const bool moved =
        ready && ::renameat2(folder_.get(), name_.c_str(), AT_FDCWD, name.c_str(), over ? 0 : RENAME_NOREPLACE) == 0;
    const int code = errno;
    if (!moved) {
        restore(file);
        mark_.remove();
        if (code == EEXIST) return Renamed::exists;
        if (is_full_or_broken(code)) throw_io(code, "move the source to", name);
        return Renamed::refused;
    }
    step_ = Step::renamed;
    if (::lstat(name.c_str(), &named) == 0 && !same_file(named, before_)) {
        // Somebody put another file under the source's name since it was looked at: that one goes back.
        ::renameat2(AT_FDCWD, name.c_str(), folder_.get(), name_.c_str(), RENAME_NOREPLACE);
        restore(file);
        mark_.remove();
        step_ = Step::rename;
        return Renamed::refused;
    }
    return Renamed::done;
}

bool MovingSource::put_back(int file, const std::filesystem::path& from) {
    if (::renameat2(AT_FDCWD, from.c_str(), folder_.get(), name_.c_str(), RENAME_NOREPLACE) != 0) return false;
    restore(file);
    end_read_lease(file);
    unlock_moved(file);
    step_ = Step::done;
    if (::fsync(folder_.get()) != 0) return false;
    mark_.remove();
    return true;
}

bool MovingSource::remove(const std::filesystem::path& kept) {
    struct stat now {};
    struct stat payload {};
    if (::fstatat(folder_.get(), name_.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
    const bool as_read = same_file(now, before_) && now.st_size == before_.st_size && mtime_ns(now) == mtime_ns(before_);
    if (!as_read || ::lstat(kept.c_str(), &payload) != 0 || same_file(now, payload)) return false;
    if (::unlinkat(folder_.get(), name_.c_str(), 0) != 0) return false;
    step_ = Step::done;
    return ::fsync(folder_.get()) == 0;
}

}  // namespace custody::blobs
