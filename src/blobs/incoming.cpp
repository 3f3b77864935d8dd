#include "blobs/incoming.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hex.hpp"
#include "base/random.hpp"
#include "blobs/errors.hpp"

namespace custody::blobs {

namespace {

constexpr std::string_view temporary_prefix = "incoming-";

/// Errors that say something about the disk or the target, not about a way of naming that the system lacks.
bool is_final(int code) {
    return code == ENOSPC || code == EDQUOT || code == EIO || code == EROFS || code == ENAMETOOLONG || code == ENOTDIR;
}

bool is_folder(const std::filesystem::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

void set_mode(int file, unsigned mode, const std::filesystem::path& path) {
    if (::fchmod(file, mode) != 0) throw_io(errno, "set the permissions of", path);
}

/// Tells sweeps that it is in use. Where the file system has no locks a sweep waits a day instead.
void lock(int file) {
    while (::flock(file, LOCK_EX) != 0 && errno == EINTR) {
    }
}

}  // namespace

std::string random_hex(std::size_t count) {
    std::vector<std::uint8_t> bytes(count);
    base::random_bytes(bytes);
    return base::to_hex(bytes);
}

std::string temporary_file_name() { return std::string(temporary_prefix) + random_hex(16); }

bool is_temporary_file_name(std::string_view name) {
    return name.size() == temporary_prefix.size() + 32 && name.starts_with(temporary_prefix) &&
           name.find_first_not_of("0123456789abcdef", temporary_prefix.size()) == std::string_view::npos;
}

Incoming Incoming::make(const std::filesystem::path& folder, const std::filesystem::path& aside, unsigned mode,
                        const Abilities& abilities) {
    if (abilities.tmpfile) {
        Descriptor file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0400));
        if (file) {
            set_mode(file.get(), mode, folder);
            return {std::move(file), folder, aside, abilities};
        }
        // EISDIR: a kernel that does not know O_TMPFILE; EINVAL, EOPNOTSUPP: a file system that does not.
        if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) throw_io(errno, "make a file in", folder);
    }
    return make_named(aside, mode, abilities);
}

Incoming Incoming::make_named(const std::filesystem::path& aside, unsigned mode, const Abilities& abilities) {
    for (;;) {
        const auto name = aside / temporary_file_name();
        Descriptor file(::open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0400));
        if (!file) throw_io(errno, "make", name);
        Incoming made(std::move(file), aside, aside, abilities);
        made.name_ = name;
        set_mode(made.get(), mode, name);
        lock(made.get());
        struct stat status {};
        if (::fstat(made.get(), &status) != 0) throw_io(errno, "look at", name);
        if (status.st_nlink > 0) return made;  // else a sweep took it between its making and the lock
    }
}

Incoming::Incoming(Descriptor file, std::filesystem::path shown, std::filesystem::path aside, const Abilities& abilities) noexcept
    : file_(std::move(file)), shown_(std::move(shown)), aside_(std::move(aside)), abilities_(abilities), owner_(::getpid()) {}

Incoming::Incoming(Incoming&& other) noexcept
    : file_(std::move(other.file_)),
      shown_(std::move(other.shown_)),
      aside_(std::move(other.aside_)),
      name_(std::exchange(other.name_, {})),
      abilities_(other.abilities_),
      owner_(other.owner_) {}

Incoming& Incoming::operator=(Incoming&& other) noexcept {
    if (this != &other) {
        remove_name();
        file_ = std::move(other.file_);
        shown_ = std::move(other.shown_);
        aside_ = std::move(other.aside_);
        name_ = std::exchange(other.name_, {});
        abilities_ = other.abilities_;
        owner_ = other.owner_;
    }
    return *this;
}

void Incoming::remove_name() noexcept {
    if (!name_.empty() && owner_ == ::getpid()) ::unlink(name_.c_str());
    name_.clear();
}

Incoming::Placed Incoming::link_open_file(const std::filesystem::path& name) {
    const auto give_up = [&](int code) {
        if (is_final(code) || (code == ENOENT && !is_folder(name.parent_path()))) throw_io(code, "make", name);
    };
    if (abilities_.proc) {
        const std::string link = "/proc/self/fd/" + std::to_string(file_.get());
        if (::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return Placed::done;
        if (errno == EEXIST) return Placed::exists;
        give_up(errno);
    }
    if (abilities_.empty_path) {
        if (::linkat(file_.get(), "", AT_FDCWD, name.c_str(), AT_EMPTY_PATH) == 0) return Placed::done;
        if (errno == EEXIST) return Placed::exists;
        give_up(errno);
    }
    return Placed::refused;
}

Incoming::Placed Incoming::place_named(const std::filesystem::path& name) {
    if (abilities_.rename_noreplace) {
        if (::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0) {
            name_.clear();
            return Placed::done;
        }
        if (errno == EEXIST) return Placed::exists;
        if (errno != EINVAL && errno != ENOSYS && errno != EPERM) throw_io(errno, "make", name);
    }
    if (abilities_.hard_link) {
        if (::link(name_.c_str(), name.c_str()) == 0) {
            remove_name();
            return Placed::done;
        }
        if (errno == EEXIST) return Placed::exists;
        if (errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK && errno != ENOSYS) throw_io(errno, "make", name);
    }
    // A file system with neither: between these two calls another writer may come first, and is then replaced
    // by the same content, for the name is the content's hash.
    struct stat status {};
    if (::lstat(name.c_str(), &status) == 0) return Placed::exists;
    if (::rename(name_.c_str(), name.c_str()) != 0) throw_io(errno, "make", name);
    name_.clear();
    return Placed::done;
}

Incoming::Placed Incoming::place(const std::filesystem::path& name) {
    return name_.empty() ? link_open_file(name) : place_named(name);
}

Incoming::Placed Incoming::replace(const std::filesystem::path& name) {
    if (name_.empty()) {
        lock(file_.get());
        const auto temporary = aside_ / temporary_file_name();
        if (const auto placed = link_open_file(temporary); placed != Placed::done) return placed;
        name_ = temporary;
    }
    if (::rename(name_.c_str(), name.c_str()) != 0) throw_io(errno, "replace", name);
    name_.clear();
    return Placed::done;
}

void Incoming::exchange(const std::filesystem::path& name) {
    if (::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, name.c_str(), RENAME_EXCHANGE) != 0) throw_io(errno, "replace", name);
}

}  // namespace custody::blobs
