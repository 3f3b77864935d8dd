#include "blobs/support.hpp"

#include <grp.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

namespace custody::testing {

namespace fs = std::filesystem;

TestStore::TestStore(blobs::Modes modes, const blobs::Abilities& abilities)
    : store(scratch / "storage", modes, scratch / "storage/artifacts", abilities) {
    ::chmod(scratch.path().c_str(), 0755);
    fs::create_directories(scratch / "storage/artifacts");
    store.create();
}

Digest TestStore::add(std::string_view content) {
    auto staged = store.stage_bytes(content);
    store.publish(staged, false);
    return staged.digest();
}

std::set<std::string> TestStore::files() const {
    std::set<std::string> found;
    for (const auto* part : {"blobs", "trash"}) {
        for (const auto& entry : fs::recursive_directory_iterator(store.root() / part)) {
            if (!entry.is_directory()) found.insert(entry.path().lexically_relative(store.root()).string());
        }
    }
    return found;
}

Mount::Mount(const fs::path& folder) : where(folder) { fs::create_directories(where); }

Mount::~Mount() {
    if (mounted) ::umount2(where.c_str(), MNT_DETACH);
}

bool Mount::tmpfs(const std::string& options) {
    mounted = ::mount("tmpfs", where.c_str(), "tmpfs", 0, options.c_str()) == 0;
    return mounted;
}

bool Mount::image(const fs::path& file, std::size_t size_mib, const std::string& mkfs) {
    std::ofstream(file).close();
    fs::resize_file(file, size_mib << 20U);
    const std::string command = "PATH=$PATH:/usr/sbin:/sbin; " + mkfs + " '" + file.string() + "' && mount -o loop '" +
                                file.string() + "' '" + where.string() + "'";
    mounted = shell(command).exit_code == 0;
    return mounted;
}

std::string as_nobody(const std::function<std::string()>& run) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw std::runtime_error("pipe failed");
    const pid_t child = ::fork();
    if (child == 0) {
        std::string said;
        try {
            constexpr unsigned nobody = 65534;
            const bool root = ::geteuid() == 0;
            if (root && (::setgroups(0, nullptr) != 0 || ::setresgid(nobody, nobody, nobody) != 0 ||
                         ::setresuid(nobody, nobody, nobody) != 0)) {
                throw std::runtime_error("can't become nobody");
            }
            said = run();
        } catch (const std::exception& error) {
            said = std::string("threw: ") + error.what();
        }
        const ssize_t written = ::write(ends[1], said.data(), said.size());
        ::_exit(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
    }
    ::close(ends[1]);
    std::string heard;
    std::array<char, 4096> buffer{};
    for (ssize_t count = 0; (count = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
        heard.append(buffer.data(), static_cast<std::size_t>(count));
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return heard;
}

Ran drive(const std::string& arguments, const std::string& strace) {
    // Leaks can't be looked for under ptrace: the sanitizer would end the driver for that.
    const std::string traced = strace.empty() ? "" : "env ASAN_OPTIONS=detect_leaks=0 strace -f -qq " + strace + " ";
    return shell("exec " + traced + BLOB_DRIVER + " " + arguments);
}

bool can_trace() {
    static const bool can = shell("strace -qq -o /dev/null true").exit_code == 0;
    if (!can) MESSAGE("skipped: strace is missing or may not trace here");
    return can;
}

ino_t inode_of(const fs::path& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_ino;
}

unsigned mode_of(const fs::path& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

}  // namespace custody::testing
