#pragma once

namespace custody::blobs {

/// What to try of the system. Whatever is on is tried first, and done without where the system refuses it; tests
/// switch it off to take the other way on any machine.
struct Abilities {
    bool tmpfile = true;           ///< O_TMPFILE
    bool proc = true;              ///< linkat from /proc/self/fd
    bool empty_path = true;        ///< linkat with AT_EMPTY_PATH
    bool rename_noreplace = true;  ///< renameat2 with RENAME_NOREPLACE
    bool hard_link = true;         ///< link(2)
    bool clone = true;             ///< FICLONE
    bool lease = true;             ///< F_SETLEASE, which a move and a look without a copy need
    bool syncfs = true;            ///< one sync for many files
    bool ring = true;              ///< io_uring and O_DIRECT
};

}  // namespace custody::blobs
