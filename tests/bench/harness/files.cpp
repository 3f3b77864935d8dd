#include "bench/harness/files.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <random>
#include <string>
#include <system_error>
#include <thread>

#include "base/sha256.hpp"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

namespace custody::bench {

namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 20U;

[[noreturn]] void fail(const std::string& doing) { throw std::system_error(errno, std::generic_category(), doing); }

class File {
   public:
    File(const std::filesystem::path& path, int flags)
        : path_(path.string()), fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
        if (fd_ < 0) fail(path_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { ::close(fd_); }
    [[nodiscard]] int get() const { return fd_; }
    std::size_t read(std::string& buffer) const {
        const auto got = ::read(fd_, buffer.data(), buffer.size());
        if (got < 0) fail(path_);
        return static_cast<std::size_t>(got);
    }
    void write(std::string_view bytes) const {
        while (!bytes.empty()) {
            const auto done = ::write(fd_, bytes.data(), bytes.size());
            if (done < 0) fail(path_);
            bytes.remove_prefix(static_cast<std::size_t>(done));
        }
    }
    void sync() const {
        if (::fsync(fd_) != 0) fail(path_);
    }

   private:
    std::string path_;
    int fd_;
};

std::mt19937_64& random_numbers() {
    static std::mt19937_64 generator{std::random_device{}()};
    return generator;
}

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    for (std::size_t i = 0; i < count; i += sizeof(std::uint64_t)) {
        const auto number = random_numbers()();
        std::copy_n(reinterpret_cast<const char*>(&number), std::min(sizeof number, count - i), bytes.data() + i);
    }
    return bytes;
}

}  // namespace

void make_file(const std::filesystem::path& file, std::uint64_t bytes) {
    const File out(file, O_WRONLY | O_CREAT | O_TRUNC);
    for (std::uint64_t done = 0; done < bytes;) {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_size, bytes - done));
        out.write(random_bytes(size));
        done += size;
    }
    out.sync();
}

void alter_file(const std::filesystem::path& file) {
    const File out(file, O_WRONLY);
    out.write(random_bytes(16));
    out.sync();
}

std::vector<std::filesystem::path> make_files(const std::filesystem::path& folder, std::size_t count, std::size_t bytes) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    std::vector<std::filesystem::path> files;
    for (std::size_t i = 0; i < count; ++i) {
        files.push_back(folder / ("frame_" + std::to_string(i) + ".json"));
        File(files.back(), O_WRONLY | O_CREAT | O_EXCL).write(random_bytes(bytes));
    }
    sync_file_system(folder);
    return files;
}

Digest hash_file(const std::filesystem::path& file) {
    const File in(file, O_RDONLY);
    base::Sha256 sha256;
    std::string buffer(buffer_size, '\0');
    while (const auto got = in.read(buffer)) sha256.update(std::string_view(buffer).substr(0, got));
    return sha256.finish();
}

void hash_files(const std::vector<std::filesystem::path>& files, unsigned threads) {
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> all;
    for (unsigned i = 0; i < threads; ++i) {
        all.emplace_back([&] {
            for (auto at = next++; at < files.size(); at = next++) (void)hash_file(files[at]);
        });
    }
    for (auto& thread : all) thread.join();
}

void sync_file_system(const std::filesystem::path& path) {
    if (::syncfs(File(path, O_RDONLY).get()) != 0) fail(path.string());
}

void copy_and_sync(const std::filesystem::path& from, const std::filesystem::path& to) {
    const File in(from, O_RDONLY);
    const File out(to, O_WRONLY | O_CREAT | O_TRUNC);
    std::string buffer(buffer_size, '\0');
    while (const auto got = in.read(buffer)) out.write(std::string_view(buffer).substr(0, got));
    out.sync();
}

bool can_clone(const std::filesystem::path& folder) {
    const auto from = folder / "clone-from";
    const auto to = folder / "clone-to";
    bool can = false;
    {
        const File in(from, O_RDWR | O_CREAT | O_TRUNC);
        in.write(random_bytes(4096));
        const File out(to, O_RDWR | O_CREAT | O_TRUNC);
        can = ::ioctl(out.get(), FICLONE, in.get()) == 0;
    }
    std::filesystem::remove(from);
    std::filesystem::remove(to);
    return can;
}

const char* file_system_of(const std::filesystem::path& path) {
    struct statfs found {};
    if (::statfs(path.c_str(), &found) != 0) return "unknown";
    switch (static_cast<unsigned long>(found.f_type)) {
        case EXT4_SUPER_MAGIC:
            return "ext2/3/4";
        case XFS_SUPER_MAGIC:
            return "xfs";
        case BTRFS_SUPER_MAGIC:
            return "btrfs";
        case TMPFS_MAGIC:
            return "tmpfs";
        case OVERLAYFS_SUPER_MAGIC:
            return "overlay";
        default:
            return "unknown";
    }
}

}  // namespace custody::bench
