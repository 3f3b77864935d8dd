#include "blobs/durable.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "blobs/copy.hpp"
#include "blobs/errors.hpp"
#include "blobs/incoming.hpp"

namespace custody::blobs {

namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
    const auto parent = path.parent_path();
    return parent.empty() ? std::filesystem::path(".") : parent;
}

/// Collects small pieces, so that a file of many lines is not one system call a line.
class Appender {
   public:
    Appender(int file, const std::filesystem::path& path) : file_(file), path_(path) { held_.reserve(limit_bytes); }
    void append(std::string_view bytes) {
        if (held_.size() + bytes.size() > limit_bytes) flush();
        if (bytes.size() > limit_bytes) {
            write_all(file_, bytes, path_);
        } else {
            held_.append(bytes);
        }
    }
    void flush() {
        write_all(file_, held_, path_);
        held_.clear();
    }

   private:
    static constexpr std::size_t limit_bytes = std::size_t{1} << 18U;
    int file_;
    const std::filesystem::path& path_;
    std::string held_;
};

}  // namespace

void make_folder(const std::filesystem::path& folder, unsigned mode, Sync sync) {
    if (::mkdir(folder.c_str(), 0700) != 0) {
        const int code = errno;
        struct stat status {};
        if (code == EEXIST && ::stat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
            // Whoever made it may have been killed before it was durable. Where we can't look we can't have made it.
            if (sync == Sync::now && ::access(folder_of(folder).c_str(), R_OK) == 0) sync_folder(folder_of(folder));
            return;
        }
        throw_io(code == EEXIST ? ENOTDIR : code, "make the folder", folder);
    }
    // No ways in but the owner's until here, so the order of the two calls opens nothing.
    if (::chmod(folder.c_str(), mode) != 0) throw_io(errno, "set the permissions of", folder);
    if (sync == Sync::now) sync_folder(folder_of(folder));
}

void make_parents(const std::filesystem::path& folder) {
    const auto parent = folder_of(folder);
    std::error_code code;
    if (std::filesystem::is_directory(parent, code) || parent == folder) return;
    make_parents(parent);
    if (::mkdir(parent.c_str(), 0777) == 0) return sync_folder(folder_of(parent));
    const int failure = errno;
    if (failure != EEXIST) throw_io(failure, "make the folder", parent);
    // Another process may have made it since.
    if (!std::filesystem::is_directory(parent, code)) throw_io(ENOTDIR, "make the folder", parent);
}

void sync_folder(const std::filesystem::path& folder) {
    const Descriptor open_folder(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!open_folder) throw_io(errno, "open the folder", folder);
    // EINVAL: some network file systems have no fsync for folders; their names are durable at once.
    if (::fsync(open_folder.get()) != 0 && errno != EINVAL) throw_io(errno, "make durable the names in", folder);
}

void sync_file(int descriptor, const std::filesystem::path& path) {
    if (::fsync(descriptor) != 0) throw_io(errno, "make durable", path);
}

void write_all(int descriptor, std::string_view bytes, const std::filesystem::path& path) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw_io(errno, "write", path);
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

void refuse_existing(const std::filesystem::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) throw_exists(path);
}

void write_atomically(const std::filesystem::path& path, unsigned mode,
                      const std::function<void(const std::function<void(std::string_view)>&)>& fill, IfThere if_there) {
    const auto folder = folder_of(path);
    const Abilities abilities;
    auto file = Incoming::make(folder, folder, mode, abilities);
    Appender appender(file.get(), path);
    fill([&](std::string_view bytes) { appender.append(bytes); });
    appender.flush();
    sync_file(file.get(), path);
    const auto give_name = [&](Incoming& from) {
        const auto placed = from.place(path);
        if (placed != Incoming::Placed::exists) return placed;
        if (if_there == IfThere::refuse) throw_exists(path);
        return from.replace(path);
    };
    if (give_name(file) == Incoming::Placed::refused) {
        auto named = Incoming::make_named(folder, mode, abilities);
        if (::lseek(file.get(), 0, SEEK_SET) < 0) throw_io(errno, "read", path);
        copy_and_hash({file.get(), path}, {named.get(), path}, static_cast<std::uint64_t>(look_at(file.get(), path).st_size),
                      abilities);
        sync_file(named.get(), path);
        give_name(named);
    }
    sync_folder(folder);
}

}  // namespace custody::blobs
