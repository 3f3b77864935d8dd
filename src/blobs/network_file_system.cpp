#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string>

#include "blobs/durable.hpp"
#include "blobs/errors.hpp"

namespace custody::blobs {

namespace {

struct Kind {
    std::uint32_t magic;
    const char* name;
};

/// From linux/magic.h and statfs(2); the cluster file systems are here because more than one machine may write to them.
/// FUSE says nothing of what is behind it, so it counts as a network.
constexpr std::array kinds{
    Kind{0x00006969, "nfs"},    Kind{0x0000517b, "smb"},      Kind{0xff534d42, "cifs"},   Kind{0xfe534d42, "smb2"},
    Kind{0x65735546, "fuse"},   Kind{0x01021997, "9p"},       Kind{0x00c36400, "ceph"},   Kind{0x5346414f, "afs"},
    Kind{0x6b414653, "afs"},    Kind{0x0000564c, "ncp"},      Kind{0x73757245, "coda"},   Kind{0x01161970, "gfs2"},
    Kind{0x7461636f, "ocfs2"},  Kind{0x0bd00bd0, "lustre"},   Kind{0x47504653, "gpfs"},   Kind{0x19830326, "beegfs"},
    Kind{0xaad7aaea, "panfs"},  Kind{0x20030528, "orangefs"}, Kind{0x786f4256, "vboxsf"}, Kind{0xbacbacbc, "vmhgfs"},
    Kind{0x7c7c6673, "prl_fs"}, Kind{0x61636673, "acfs"},
};

const char* name_of(const struct statfs& status) {
    const auto magic = static_cast<std::uint32_t>(status.f_type);
    const auto* found = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.magic == magic; });
    return found == kinds.end() ? "" : found->name;
}

}  // namespace

bool is_on_network(int file) noexcept {
    struct statfs status {};
    return ::fstatfs(file, &status) != 0 || *name_of(status) != '\0';
}

std::string network_file_system(const std::filesystem::path& path) {
    struct statfs status {};
    auto looked_at = path.empty() ? std::filesystem::path(".") : path;
    while (::statfs(looked_at.c_str(), &status) != 0) {
        if (errno == EINTR) continue;
        // What is still to be made will be on its parent's file system.
        const auto parent = looked_at.has_relative_path() ? looked_at.parent_path() : looked_at;
        if (errno != ENOENT || parent == looked_at) throw_io(errno, "look at the file system of", path);
        looked_at = parent.empty() ? "." : parent;
    }
    return name_of(status);
}

}  // namespace custody::blobs
