#pragma once

#include <doctest/doctest.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace custody::testing {

/// A mount for one test; `mounted` is false where this machine refuses.
struct Mount {
    explicit Mount(std::filesystem::path folder) : where(std::move(folder)) { std::filesystem::create_directories(where); }
    ~Mount() {
        if (mounted) ::umount2(where.c_str(), MNT_DETACH);
    }
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;
    bool tmpfs(const char* options) { return done(::mount("none", where.c_str(), "tmpfs", 0, options)); }
    bool read_only_of(const std::filesystem::path& source) {
        if (!done(::mount(source.c_str(), where.c_str(), nullptr, MS_BIND, nullptr))) return false;
        return ::mount(nullptr, where.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0;
    }
    bool done(int result) {
        mounted = result == 0;
        if (!mounted) MESSAGE("skipped: this machine refuses mounts");
        return mounted;
    }
    std::filesystem::path where;
    bool mounted = false;
};

/// Writes until the file system has no room left.
inline void fill_up(const std::filesystem::path& file) {
    std::ofstream out(file, std::ios::binary);
    const std::string block(4096, 'x');
    while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
}

}  // namespace custody::testing
