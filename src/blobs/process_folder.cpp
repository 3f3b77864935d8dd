#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <custody/error.hpp>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "blobs/durable.hpp"
#include "blobs/errors.hpp"
#include "blobs/file_lock.hpp"
#include "blobs/incoming.hpp"

namespace custody::blobs {

namespace {

constexpr std::chrono::milliseconds between_looks{10};

/// <pid>-<16 hexadecimal digits>
bool is_process_folder_name(std::string_view name) {
    const auto dash = name.find('-');
    return dash != std::string_view::npos && dash > 0 && name.size() == dash + 17 &&
           name.find_first_not_of("0123456789") == dash &&
           name.find_first_not_of("0123456789abcdef", dash + 1) == std::string_view::npos;
}

Descriptor open_folder(const std::filesystem::path& folder) {
    return Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// @throws IoError where that can't be seen
bool is_still_at(int folder, const std::filesystem::path& path) {
    struct stat held {};
    struct stat named {};
    const bool are_seen = ::fstat(folder, &held) == 0 && ::lstat(path.c_str(), &named) == 0;
    if (!are_seen && errno != ENOENT) throw_io(errno, "look at the folder", path);
    return are_seen && held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

}  // namespace

// By looking again and again: a flock that waits knows no time, and a signal's handler that asks it to begin anew keeps it
// waiting.
Descriptor lock_folder(const std::filesystem::path& folder, std::chrono::milliseconds timeout,
                       const std::function<void()>& tell) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        if (auto locked = try_lock_folder(folder)) return std::move(*locked);  // else others have it, or have taken it away
        if (std::chrono::steady_clock::now() >= deadline) {
            throw Busy("another process is at work in " + folder.string() + ", and was so for " +
                       std::to_string(timeout.count()) +
                       " ms: say it again when that has ended, or wait longer (--lock-timeout)");
        }
        if (tell) tell();
        std::this_thread::sleep_for(between_looks);
    }
}

std::optional<Descriptor> try_lock_folder(const std::filesystem::path& folder) {
    auto locked = open_folder(folder);
    if (!locked) throw_io(errno, "open the folder", folder);
    if (!try_lock(locked.get())) {
        if (errno != EWOULDBLOCK) throw_io(errno, "lock the folder", folder);
        return std::nullopt;
    }
    if (!is_still_at(locked.get(), folder)) return std::nullopt;
    return locked;
}

ProcessFolder::ProcessFolder(const std::filesystem::path& parent, unsigned mode) : owner_pid_(::getpid()) {
    // A sweep may take the folder between its making and its lock: then once more.
    for (;;) {
        path_ = parent / (std::to_string(owner_pid_) + "-" + random_hex(8));
        if (::mkdir(path_.c_str(), 0700) != 0) throw_io(errno, "make the folder", path_);
        try {
            auto locked = try_lock_folder(path_);
            if (!locked) continue;
            if (::fchmod(locked->get(), mode) != 0) throw_io(errno, "set the permissions of", path_);
            lock_ = std::move(*locked);
            return;
        } catch (const IoError& error) {
            ::rmdir(path_.c_str());
            if (error.code() != ENOENT) throw;
        }
    }
}

ProcessFolder::~ProcessFolder() {
    if (owner_pid_ != ::getpid()) return;
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::size_t ProcessFolder::empty() {
    std::size_t count = 0;
    try {
        for (const auto& entry : std::filesystem::directory_iterator(path_)) {
            count += static_cast<std::size_t>(std::filesystem::remove_all(entry.path()));
        }
    } catch (const std::filesystem::filesystem_error& error) {
        throw_io(error.code().value(), "empty the folder", path_);
    }
    return count;
}

void for_each_process_folder(const std::filesystem::path& parent,
                             const std::function<void(const std::filesystem::path&, bool dead)>& use) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
        const auto& path = entry->path();
        if (!is_process_folder_name(path.filename().native())) continue;
        const auto folder = open_folder(path);
        use(path, folder && try_lock(folder.get()));  // not to be opened: it is another account's
    }
    if (error && error.value() != ENOENT) throw_io(error.value(), "read the folder", parent);
}

std::vector<std::filesystem::path> dead_process_folders(const std::filesystem::path& parent) {
    std::vector<std::filesystem::path> folders;
    for_each_process_folder(parent, [&](const std::filesystem::path& path, bool dead) {
        if (dead) folders.push_back(path);
    });
    return folders;
}

std::size_t remove_dead_process_folders(const std::filesystem::path& parent) {
    std::size_t count = 0;
    for_each_process_folder(parent, [&](const std::filesystem::path& path, bool dead) {
        std::error_code refused;
        if (dead) std::filesystem::remove_all(path, refused);
        if (dead && !refused) ++count;
    });
    return count;
}

}  // namespace custody::blobs
