#include "faults/power_loss/log.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace custody::faults {

namespace {

namespace fs = std::filesystem;

std::string descriptor_link(pid_t thread, std::uint64_t descriptor) {
    return "/proc/" + std::to_string(thread) + "/fd/" + std::to_string(static_cast<int>(descriptor));
}

/// Where a file's position is after a call.
std::uint64_t position_of(pid_t thread, std::uint64_t descriptor) {
    std::ifstream in("/proc/" + std::to_string(thread) + "/fdinfo/" + std::to_string(static_cast<int>(descriptor)));
    std::string word;
    std::uint64_t position = 0;
    in >> word >> position;
    return position;
}

std::string bytes_of(const std::string& link, std::uint64_t offset, std::uint64_t count) {
    const int file = ::open(link.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw std::runtime_error("can't read what was written to " + link);
    std::string bytes(count, '\0');
    const auto got = ::pread(file, bytes.data(), count, static_cast<off_t>(offset));
    ::close(file);
    if (got != static_cast<ssize_t>(count)) throw std::runtime_error("what was written to " + link + " is not there");
    return bytes;
}

std::uint64_t open_flags(const TracedCall& call) {
    if (std::strcmp(call.kind->name, "openat") == 0) return call.arguments[2];
    if (std::strcmp(call.kind->name, "open") == 0) return call.arguments[1];
    const auto how = read_memory(call.thread, call.arguments[2], sizeof(open_how));
    open_how wanted{};
    std::memcpy(&wanted, how.data(), std::min(how.size(), sizeof wanted));
    return wanted.flags;
}

bool is_open(const std::string& name) { return name == "openat" || name == "openat2" || name == "open"; }

}  // namespace

Recorder::Recorder(fs::path root) : root_(std::move(root)) {
    struct stat status {};
    if (::stat(root_.c_str(), &status) != 0) throw std::runtime_error("there is no " + root_.string());
    objects_[{status.st_dev, status.st_ino}] = 0;
}

Object Recorder::object_of(const std::string& path, bool follow) {
    struct stat status {};
    if ((follow ? ::stat(path.c_str(), &status) : ::lstat(path.c_str(), &status)) != 0) {
        throw std::runtime_error("lost sight of " + path);
    }
    const auto found = objects_.find({status.st_dev, status.st_ino});
    if (found == objects_.end()) throw std::runtime_error("never saw how it was made: " + path);
    return found->second;
}

// The number of an inode that went is given again.
Object Recorder::new_object(const std::string& path, bool follow) {
    struct stat status {};
    if ((follow ? ::stat(path.c_str(), &status) : ::lstat(path.c_str(), &status)) != 0) {
        throw std::runtime_error("lost sight of " + path);
    }
    objects_[{status.st_dev, status.st_ino}] = ++last_;
    add({.kind = S_ISDIR(status.st_mode) ? Event::Kind::make_folder : Event::Kind::make_file,
         .object = last_,
         .offset = status.st_mode & 07777U});
    return last_;
}

std::pair<Object, std::string> Recorder::place_of(const std::string& path) {
    const auto normal = fs::path(path).lexically_normal();
    return {object_of(normal.parent_path().string(), true), normal.filename().string()};
}

void Recorder::named(Event::Kind kind, const std::string& path, const std::string& old_path) {
    const auto [folder, name] = place_of(path);
    Event event{.kind = kind, .folder = folder, .name = name};
    if (kind != Event::Kind::unname) event.object = object_of(path);
    if (!old_path.empty()) {
        const auto [old_folder, old_name] = place_of(old_path);
        event.old_folder = old_folder;
        event.old_name = old_name;
    }
    add(std::move(event));
}

Verdict Recorder::entering(const TracedCall& call) {
    // What is written that way is not seen: it is refused, and the other way taken.
    if (std::strcmp(call.kind->name, "io_uring_setup") == 0) return {Verdict::Kind::fail, ENOSYS};
    if (!is_open(call.kind->name)) return {};
    struct stat status {};
    makes_ = (open_flags(call) & O_CREAT) != 0 && ::lstat(call.file.c_str(), &status) != 0;
    return {};
}

void Recorder::opened(const TracedCall& call, int descriptor) {
    const auto flags = open_flags(call);
    const auto link = descriptor_link(call.thread, static_cast<std::uint64_t>(descriptor));
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        (void)new_object(link, true);
    } else if (makes_) {
        const auto object = new_object(link, true);
        const auto [folder, name] = place_of(call.file);
        add({.kind = Event::Kind::name, .object = object, .folder = folder, .name = name});
    } else if ((flags & O_TRUNC) != 0) {
        add({.kind = Event::Kind::truncate, .object = object_of(link, true), .offset = 0});
    }
}

void Recorder::wrote(const TracedCall& call, std::uint64_t offset, std::uint64_t count) {
    const auto link = descriptor_link(call.thread, call.arguments[0]);
    add({.kind = Event::Kind::write, .object = object_of(link, true), .offset = offset, .bytes = bytes_of(link, offset, count)});
}

void Recorder::left(const TracedCall& call, std::int64_t result) {
    if (result < 0) return;
    const std::string name = call.kind->name;
    const auto& arguments = call.arguments;
    const auto path = [&](int argument) { return argument_path(call.thread, *call.kind, arguments, argument); };
    const auto by_descriptor = [&] { return object_of(descriptor_link(call.thread, arguments[0]), true); };
    const auto count = static_cast<std::uint64_t>(result);
    if (is_open(name)) return opened(call, static_cast<int>(result));
    if (name == "pwrite64") return wrote(call, arguments[3], count);
    if (name == "write" || name == "writev") return wrote(call, position_of(call.thread, arguments[0]) - count, count);
    if (name == "ftruncate") return add({.kind = Event::Kind::truncate, .object = by_descriptor(), .offset = arguments[1]});
    if (name == "fchmod") return add({.kind = Event::Kind::mode, .object = by_descriptor(), .offset = arguments[1]});
    if (name == "chmod") return add({.kind = Event::Kind::mode, .object = object_of(path(0)), .offset = arguments[1]});
    if (name == "fsync" || name == "fdatasync") return add({.kind = Event::Kind::sync, .object = by_descriptor()});
    if (name == "syncfs") return add({.kind = Event::Kind::sync_all});
    if (name == "mkdir" || name == "mkdirat") {
        const auto made = path(name == "mkdir" ? 0 : 1);
        (void)new_object(made);
        return named(Event::Kind::name, made, {});
    }
    if (name == "link") return named(Event::Kind::name, path(1), {});
    if (name == "linkat") return named(Event::Kind::name, path(3), {});
    if (name == "symlink" || name == "symlinkat") {
        const auto made = path(name == "symlink" ? 1 : 2);
        (void)new_object(made);
        events_.back().kind = Event::Kind::make_link;
        events_.back().bytes = fs::read_symlink(made).string();
        return named(Event::Kind::name, made, {});
    }
    if (name == "rename") return named(Event::Kind::rename, path(1), path(0));
    if (name.starts_with("renameat")) return named(Event::Kind::rename, path(3), path(1));
    if (name == "unlink" || name == "rmdir") return named(Event::Kind::unname, path(0), {});
    if (name == "unlinkat") return named(Event::Kind::unname, path(1), {});
    // The one is mapped, and made anew where it is not whole; the other is room on the disk and nothing else.
    if (name == "fallocate" && (call.file.ends_with("/write-queue") || call.file.ends_with("/reserve"))) return;
    // A payload's whole size, before its first byte.
    if (name == "fallocate")
        return add({.kind = Event::Kind::truncate, .object = by_descriptor(), .offset = arguments[2] + arguments[3]});
    for (const char* unknown : {"pwritev", "io_uring_enter", "truncate", "copy_file_range", "sendfile"}) {
        if (name == unknown) throw std::runtime_error(name + " is not recorded: teach log.cpp what it does");
    }
}

void Recorder::said(const std::string& line) { add({.kind = Event::Kind::said, .bytes = line}); }

}  // namespace custody::faults
