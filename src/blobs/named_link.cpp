#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "blobs/durable.hpp"
#include "blobs/errors.hpp"
#include "blobs/incoming.hpp"

namespace custody::blobs {

namespace {

/// Whether `link` leads to the payload's very file.
bool is_good(const std::filesystem::path& link, const struct stat& payload) {
    struct stat status {};
    return ::stat(link.c_str(), &status) == 0 && status.st_dev == payload.st_dev && status.st_ino == payload.st_ino;
}

/// A link's own name says which file system refuses hard links: those answers lead to a symbolic one.
bool needs_symbolic(int code) {
    return code == EMLINK || code == EPERM || code == EACCES || code == EXDEV || code == EOPNOTSUPP || code == ENOSYS;
}

std::filesystem::path relative_target(const std::filesystem::path& link, const std::filesystem::path& payload) {
    std::error_code error;
    const auto folder = std::filesystem::canonical(link.parent_path(), error);
    if (error) throw_io(error.value(), "look at the folder", link.parent_path());
    const auto target = std::filesystem::canonical(payload, error);
    if (error) throw_io(error.value(), "look at", payload);
    return target.lexically_relative(folder);
}

/// Makes the link under a name that is free; answers 0 or errno.
int make_link(const std::filesystem::path& link, const std::filesystem::path& payload) {
    if (::link(payload.c_str(), link.c_str()) == 0) return 0;
    if (!needs_symbolic(errno)) return errno;
    return ::symlink(relative_target(link, payload).c_str(), link.c_str()) == 0 ? 0 : errno;
}

void replace_link(const std::filesystem::path& link, const std::filesystem::path& payload) {
    const auto temporary = link.parent_path() / temporary_file_name();
    if (const int code = make_link(temporary, payload); code != 0) throw_io(code, "make the named link", link);
    const int code = ::rename(temporary.c_str(), link.c_str()) == 0 ? 0 : errno;
    // Two hard links of one file: rename(2) then does nothing and leaves both.
    ::unlink(temporary.c_str());
    if (code != 0) throw_io(code, "replace the named link", link);
}

}  // namespace

void make_named_link(const std::filesystem::path& link, const std::filesystem::path& payload, unsigned folder_mode) {
    struct stat status {};
    if (::lstat(payload.c_str(), &status) != 0) throw_io(errno, "link to the payload", payload);
    if (is_good(link, status)) return;
    int code = make_link(link, payload);
    if (code == ENOENT) {
        const auto folder = link.parent_path();
        make_folder(folder.parent_path(), folder_mode);
        make_folder(folder, folder_mode);
        code = make_link(link, payload);
    }
    if (code == EEXIST) {
        if (!is_good(link, status)) replace_link(link, payload);
    } else if (code != 0) {
        throw_io(code, "make the named link", link);
    }
}

}  // namespace custody::blobs
