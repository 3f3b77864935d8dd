#include "blobs/read_lease.hpp"

#include <fcntl.h>

#include <csignal>

namespace custody::blobs {

bool take_read_lease(int file) {
    // The kernel signals the holder when somebody wants to write. SIGIO would end this process, so it is one that is
    // ignored by default, and then no receiver at all; read_lease_holds() asks instead.
    if (::fcntl(file, F_SETSIG, SIGURG) != 0 || ::fcntl(file, F_SETLEASE, F_RDLCK) != 0) return false;
    ::fcntl(file, F_SETOWN, 0);
    return true;
}

bool read_lease_holds(int file) { return ::fcntl(file, F_GETLEASE) == F_RDLCK; }

void end_read_lease(int file) { ::fcntl(file, F_SETLEASE, F_UNLCK); }

}  // namespace custody::blobs
