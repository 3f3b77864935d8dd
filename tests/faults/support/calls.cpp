#include "faults/support/calls.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <climits>
#include <vector>

namespace custody::faults {

namespace {

constexpr std::array<int, 2> none{-1, -1};

CallKind on_descriptor(long number, const char* name, bool changes, int count_argument = -1) {
    return {number, name, changes, count_argument, {0, -1}, none, false};
}
CallKind on_path(long number, const char* name, bool changes, int first, int second = -1) {
    return {number, name, changes, -1, none, {first, second}, false};
}
CallKind on_path_at(long number, const char* name, bool changes, int first, int second = -1) {
    return {number, name, changes, -1, none, {first, second}, true};
}

// mmap stands for the index of the WAL. What goes through io_uring can't be seen by a tracer; that something goes can.
const std::vector<CallKind>& kinds() {
    static const std::vector<CallKind> all{
        on_descriptor(SYS_write, "write", true, 2),
        on_descriptor(SYS_pwrite64, "pwrite64", true, 2),
        on_descriptor(SYS_writev, "writev", true),
        on_descriptor(SYS_pwritev, "pwritev", true),
        on_descriptor(SYS_ftruncate, "ftruncate", true),
        on_descriptor(SYS_fallocate, "fallocate", true),
        on_descriptor(SYS_fsync, "fsync", true),
        on_descriptor(SYS_fdatasync, "fdatasync", true),
        on_descriptor(SYS_syncfs, "syncfs", true),
        on_descriptor(SYS_sync_file_range, "sync_file_range", false),
        on_descriptor(SYS_fchmod, "fchmod", true),
        on_descriptor(SYS_fchown, "fchown", true),
        on_descriptor(SYS_read, "read", false),
        on_descriptor(SYS_pread64, "pread64", false),
        on_descriptor(SYS_lseek, "lseek", false),
        on_descriptor(SYS_fstat, "fstat", false),
        on_descriptor(SYS_fstatfs, "fstatfs", false),
        on_descriptor(SYS_flock, "flock", false),
        on_descriptor(SYS_fcntl, "fcntl", false),
        on_descriptor(SYS_ioctl, "ioctl", true),
        on_descriptor(SYS_getdents64, "getdents64", false),
        {SYS_sendfile, "sendfile", true, 3, {0, 1}, none, false},
        {SYS_copy_file_range, "copy_file_range", true, 4, {0, 2}, none, false},
        {SYS_mmap, "mmap", false, -1, {4, -1}, none, false},
        {SYS_io_uring_setup, "io_uring_setup", true, -1, none, none, false},
        {SYS_io_uring_enter, "io_uring_enter", true, -1, none, none, false},
        on_path_at(SYS_openat, "openat", true, 1),
        on_path_at(SYS_openat2, "openat2", true, 1),
        on_path_at(SYS_newfstatat, "newfstatat", false, 1),
        on_path_at(SYS_statx, "statx", false, 1),
        on_path_at(SYS_faccessat, "faccessat", false, 1),
        on_path_at(SYS_readlinkat, "readlinkat", false, 1),
        on_path_at(SYS_linkat, "linkat", true, 1, 3),
        on_path_at(SYS_renameat, "renameat", true, 1, 3),
        on_path_at(SYS_renameat2, "renameat2", true, 1, 3),
        on_path_at(SYS_unlinkat, "unlinkat", true, 1),
        on_path_at(SYS_mkdirat, "mkdirat", true, 1),
        on_path_at(SYS_fchmodat, "fchmodat", true, 1),
        on_path_at(SYS_utimensat, "utimensat", true, 1),
        {SYS_symlinkat, "symlinkat", true, -1, none, {2, -1}, true},
        on_path(SYS_statfs, "statfs", false, 0),
        on_path(SYS_truncate, "truncate", true, 0),
#ifdef SYS_open
        on_path(SYS_open, "open", true, 0),
        on_path(SYS_stat, "stat", false, 0),
        on_path(SYS_lstat, "lstat", false, 0),
        on_path(SYS_access, "access", false, 0),
        on_path(SYS_readlink, "readlink", false, 0),
        on_path(SYS_link, "link", true, 0, 1),
        on_path(SYS_rename, "rename", true, 0, 1),
        on_path(SYS_unlink, "unlink", true, 0),
        on_path(SYS_mkdir, "mkdir", true, 0),
        on_path(SYS_rmdir, "rmdir", true, 0),
        on_path(SYS_chmod, "chmod", true, 0),
        on_path(SYS_chown, "chown", true, 0),
        on_path(SYS_symlink, "symlink", true, 1),
#endif
    };
    return all;
}

bool is_in(const std::string& path, const std::string& root) {
    return path == root || (path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/');
}

std::string link_target(const std::string& link) {
    std::array<char, PATH_MAX> target{};
    const auto size = ::readlink(link.c_str(), target.data(), target.size());
    return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

const CallKind* find_call(long number) {
    static const auto by_number = [] {
        std::vector<const CallKind*> table(1024, nullptr);
        for (const auto& kind : kinds()) table.at(static_cast<std::size_t>(kind.number)) = &kind;
        return table;
    }();
    return number >= 0 && number < static_cast<long>(by_number.size()) ? by_number[static_cast<std::size_t>(number)] : nullptr;
}

std::string read_memory(pid_t thread, std::uint64_t address, std::size_t size) {
    std::string bytes(size, '\0');
    iovec here{bytes.data(), size};
    iovec there{reinterpret_cast<void*>(address), size};  // NOLINT: an address in another process
    const auto count = ::process_vm_readv(thread, &here, 1, &there, 1, 0);
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
}

std::string read_text(pid_t thread, std::uint64_t address) {
    std::string text;
    while (address != 0 && text.size() < PATH_MAX) {
        // Up to the end of its page at most: the next one may not be there.
        const auto part = read_memory(thread, address, 256 - address % 256);
        const auto end = part.find('\0');
        text += part.substr(0, end);
        if (end != std::string::npos || part.empty()) break;
        address += part.size();
    }
    return text;
}

std::string descriptor_path(pid_t thread, int descriptor) {
    const auto process = "/proc/" + std::to_string(thread);
    return link_target(descriptor == AT_FDCWD ? process + "/cwd" : process + "/fd/" + std::to_string(descriptor));
}

std::string argument_path(pid_t thread, const CallKind& kind, const Arguments& arguments, int argument) {
    const auto path = read_text(thread, arguments.at(static_cast<std::size_t>(argument)));
    if (path.starts_with('/')) return path;
    const int folder = kind.at ? static_cast<int>(arguments.at(static_cast<std::size_t>(argument) - 1)) : AT_FDCWD;
    const auto base = descriptor_path(thread, folder);
    return path.empty() ? base : base + "/" + path;
}

std::string touched_file(pid_t thread, const CallKind& kind, const Arguments& arguments, const std::filesystem::path& root) {
    if (kind.number == SYS_io_uring_setup || kind.number == SYS_io_uring_enter) return root.string();  // some file below it
    std::string touched;
    for (const int argument : kind.paths) {
        if (argument < 0) continue;
        const auto path = argument_path(thread, kind, arguments, argument);
        if (is_in(path, root.string())) touched = path;
    }
    for (const int argument : kind.descriptors) {
        if (argument < 0) continue;
        const auto path = descriptor_path(thread, static_cast<int>(arguments.at(static_cast<std::size_t>(argument))));
        if (is_in(path, root.string())) touched = path;
    }
    return touched;
}

}  // namespace custody::faults
