#include "blobs/errors.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include <custody/error.hpp>

namespace custody::blobs {

namespace {

const char* advice(int code) {
    switch (code) {
        case ENOSPC:
            return "; free some space on this file system, then try again";
        case EDQUOT:
            return "; the quota is used up: free some space or have it raised, then try again";
        case EIO:
            return "; the device reports an error: look at the kernel's log before trying again";
        case EACCES:
        case EPERM:
            return "; check the owner and the permissions of the file and of its folders";
        case EROFS:
            return "; the file system is mounted read-only";
        case EMFILE:
        case ENFILE:
            return "; close some files or raise the limit (ulimit -n)";
        case ESTALE:
            return "; the network file system lost it: check the mount, then try again";
        default:
            return "";
    }
}

}  // namespace

void throw_io(int code, std::string_view what, const std::filesystem::path& path) {
    throw IoError(
        "can't " + std::string(what) + " " + path.string() + ": " + std::generic_category().message(code) + advice(code), code);
}

void throw_exists(const std::filesystem::path& path) {
    throw IoError(path.string() + " is there already and is not overwritten; name another file, or move that one away", EEXIST);
}

void throw_changed(const std::filesystem::path& path) {
    throw IoError(path.string() + " changed while it was read; wait until it is complete, then try again", EBUSY);
}

}  // namespace custody::blobs
