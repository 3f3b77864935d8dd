#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>

#include <custody/error.hpp>

#include "blobs/copy.hpp"
#include "blobs/durable.hpp"
#include "blobs/errors.hpp"
#include "blobs/resolve.hpp"

namespace custody::blobs {

namespace {

[[noreturn]] void refuse(int code, const std::filesystem::path& path) {
    switch (code) {
        case ENOENT:
            throw SourceNotFound("Source file not found: " + path.string(), code);
        case ENOTDIR:
            throw SourceNotFound("Source file not found: " + path.string() + " (a part of the path is no folder)", code);
        case ELOOP:
            throw InvalidArgument("the source " + path.string() +
                                  " is, or lies behind, a symbolic link; give the real path (realpath prints it)");
        case ENAMETOOLONG:
            throw InvalidArgument("the source's name is too long: " + path.string());
        case ENXIO:
            throw InvalidArgument("the source " + path.string() + " is no regular file");
        default:
            throw_io(code, "open the source", path);
    }
}

void require_regular(const Descriptor& file, const std::filesystem::path& path) {
    const auto status = look_at(file.get(), path);
    if (S_ISDIR(status.st_mode)) throw SourceIsDirectory("the source is a folder: " + path.string() + "; give a file", EISDIR);
    if (!S_ISREG(status.st_mode)) throw InvalidArgument("the source " + path.string() + " is no regular file");
}

bool is_hex(std::string_view text, std::size_t size) {
    return text.size() == size && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Whether a link's target is what make_named_link writes: …/blobs/<2 hex>/<64 hex>.
bool names_payload(const std::filesystem::path& target) {
    const auto prefix = target.parent_path();
    return is_hex(target.filename().native(), 64) && is_hex(prefix.filename().native(), 2) &&
           prefix.parent_path().filename() == "blobs";
}

/// The part of `path` below `folder`; empty where it is not below it.
std::filesystem::path below(const std::filesystem::path& path, const std::filesystem::path& folder) {
    const auto [end, rest] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
    if (folder.empty() || end != folder.end()) return {};
    std::filesystem::path result;
    for (auto part = rest; part != path.end(); ++part) result /= *part;
    return result;
}

/// Opens what lies in the store's own view: its links to payloads are followed, others are not.
int open_in_view(const std::filesystem::path& view, const std::filesystem::path& rest, int flags) {
    const Descriptor folder(::open(view.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return -1;
    if (const int fd = open_without_links(folder.get(), rest, flags); fd >= 0 || errno != ELOOP) return fd;
    const auto parent = rest.parent_path();
    const Descriptor holder(open_without_links(folder.get(), parent.empty() ? "." : parent.native(), O_PATH | O_DIRECTORY));
    if (!holder) return -1;
    std::string target(4096, '\0');
    const ssize_t size = ::readlinkat(holder.get(), rest.filename().c_str(), target.data(), target.size());
    if (size < 0) return -1;
    target.resize(static_cast<std::size_t>(size));
    if (!names_payload(target)) {
        errno = ELOOP;
        return -1;
    }
    return ::openat(holder.get(), rest.filename().c_str(), flags | O_CLOEXEC | O_NONBLOCK);
}

int open_allowed(const std::filesystem::path& path, const std::filesystem::path& inside, int flags) {
    const int fd = open_without_links(AT_FDCWD, path.native(), flags);
    if (fd >= 0 || errno != ELOOP || inside.empty()) return fd;
    std::error_code error;
    const auto whole = std::filesystem::absolute(path, error);
    const bool climbs = std::find(whole.begin(), whole.end(), "..") != whole.end();
    for (const auto& view : {std::filesystem::absolute(inside, error), std::filesystem::canonical(inside, error)}) {
        const auto rest = climbs ? std::filesystem::path() : below(whole, view);
        if (!rest.empty()) return open_in_view(view, rest, flags);
    }
    errno = ELOOP;
    return -1;
}

}  // namespace

Descriptor open_source(const std::filesystem::path& path, const std::filesystem::path& inside) {
    if (path.native().find('\0') != std::string::npos) throw InvalidArgument("the source's path contains a NUL character");
    {
        // Looked at before it is opened: the opening of a device can do things.
        const Descriptor looked_at(open_allowed(path, inside, O_PATH));
        if (!looked_at) refuse(errno, path);
        require_regular(looked_at, path);
    }
    Descriptor file(open_allowed(path, inside, O_RDONLY));
    if (!file) refuse(errno, path);
    require_regular(file, path);
    return file;
}

}  // namespace custody::blobs
