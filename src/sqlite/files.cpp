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

unsigned mode_beside(const std::filesystem::path& file) {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 ? status.st_mode & 0666U : 0600U;
}

void make_empty_file(const std::filesystem::path& file, unsigned mode) {
    const int fd = ::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode);
    if (fd < 0) fail("make", file, errno);
    const int code = ::fchmod(fd, mode) == 0 ? 0 : errno;
    ::close(fd);
    if (code != 0) fail("set the permissions of", file, code);
}

void sync_folder_of(const std::filesystem::path& file) { sync(file.parent_path(), O_RDONLY | O_DIRECTORY); }

void rename_to_free_name(const std::filesystem::path& file, const std::filesystem::path& name) {
    auto free = name.string();
    for (int n = 2; ::link(file.c_str(), free.c_str()) != 0; ++n) {
        if (errno != EEXIST) fail("give a name to", file, errno);
        free = name.string() + "-" + std::to_string(n);
    }
    sync_folder_of(file);
    if (::unlink(file.c_str()) != 0) fail("remove the other name of", file, errno);
}

void sync_file_and_folder(const std::filesystem::path& file) {
    sync(file, O_RDONLY);
    sync_folder_of(file);
}

}  // namespace custody::sqlite
