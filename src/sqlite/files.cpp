#include "sqlite/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <custody/error.hpp>

namespace custody::sqlite {

namespace {

[[noreturn]] void fail(const std::string& doing, const std::filesystem::path& path, int code) {
    throw IoError("can't " + doing + " " + path.string() + ": " + std::strerror(code), code);
}

void sync(const std::filesystem::path& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
    if (fd < 0) fail("open", path, errno);
    const int code = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    if (code != 0) fail("sync", path, code);
}

}  // namespace

void make_empty_file(const std::filesystem::path& file, unsigned mode) {
    const int fd = ::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode);
    if (fd < 0) fail("make", file, errno);
    const int code = ::fchmod(fd, mode) == 0 ? 0 : errno;
    ::close(fd);
    if (code != 0) fail("set the permissions of", file, code);
}

void sync_folder_of(const std::filesystem::path& file) { sync(file.parent_path(), O_RDONLY | O_DIRECTORY); }

void sync_file_and_folder(const std::filesystem::path& file) {
    sync(file, O_RDONLY);
    sync_folder_of(file);
}

}  // namespace custody::sqlite
