#pragma once

#include <sys/file.h>

#include <cerrno>

namespace custody::blobs {

/// Locks an open file or folder (flock) until it is closed, without waiting. False, with errno, where somebody else has it
/// (EWOULDBLOCK) or there are no locks.
inline bool try_lock(int descriptor) {
    int result = 0;
    do result = ::flock(descriptor, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

}  // namespace custody::blobs
