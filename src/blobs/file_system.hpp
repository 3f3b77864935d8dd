#pragma once

#include <filesystem>
#include <string>

namespace custody::blobs {

/// The file system that holds a path, as /proc/self/mountinfo tells.
struct FileSystem {
    std::string type;         ///< "ext4"; empty where it can't be told
    std::string source;       ///< "/dev/sda1"
    std::string mount_point;  ///< "/data"
    bool read_only = false;
};
FileSystem file_system_of(const std::filesystem::path& path);

}  // namespace custody::blobs
