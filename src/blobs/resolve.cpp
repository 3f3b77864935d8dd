#include "blobs/resolve.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "blobs/descriptor.hpp"

namespace custody::blobs {

namespace {

constexpr int always = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

/// O_NOFOLLOW | O_DIRECTORY answers ENOTDIR for a symbolic link too; the two mean different things to the caller.
int open_component(int folder, const char* name, int flags) {
    const int fd = ::openat(folder, name, flags | O_NOFOLLOW);
    if (fd < 0 && errno == ENOTDIR) {
        struct stat status {};
        const bool link = ::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
        errno = link ? ELOOP : ENOTDIR;
    }
    return fd;
}

}  // namespace

int walk_without_links(int folder, const std::string& path, int flags) {
    Descriptor held;
    int at = folder;
    std::size_t begin = 0;
    if (path.starts_with('/')) {
        held = Descriptor(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
        at = held.get();
        begin = path.find_first_not_of('/');
        if (begin == std::string::npos) return ::openat(at, ".", flags | always);
    }
    if (path.empty()) {
        errno = ENOENT;
        return -1;
    }
    for (;;) {
        const std::size_t end = path.find('/', begin);
        const std::string component = path.substr(begin, end == std::string::npos ? end : end - begin);
        if (end == std::string::npos) {
            const int fd = open_component(at, component.c_str(), flags | always);
            if (fd < 0 || (flags & O_PATH) == 0) return fd;
            Descriptor opened(fd);  // O_PATH | O_NOFOLLOW opens the link itself
            struct stat status {};
            if (::fstat(fd, &status) != 0) return -1;
            if (S_ISLNK(status.st_mode)) {
                errno = ELOOP;
                return -1;
            }
            return opened.release();
        }
        Descriptor next(open_component(at, component.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!next) return -1;
        held = std::move(next);
        at = held.get();
        begin = path.find_first_not_of('/', end);
        if (begin == std::string::npos) return ::openat(at, ".", flags | always);  // "folder/"
    }
}

int open_without_links(int folder, const std::string& path, int flags) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | ((flags & O_PATH) != 0 ? O_CLOEXEC : always));
    how.resolve = RESOLVE_NO_SYMLINKS;
    const long fd = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    // EPERM: sandboxes answer it for system calls that they don't know; the walk finds out.
    if (errno == ENOSYS || errno == EPERM) return walk_without_links(folder, path, flags);
    return -1;
}

}  // namespace custody::blobs
