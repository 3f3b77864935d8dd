#pragma once

namespace custody::blobs {

/// A read lease (fcntl(2), F_SETLEASE) on a file of ours that is open for reading: nobody has the file open for writing, and who
/// wants to write to it or cut it waits until the lease is ended (or the file closed), for as long as
/// /proc/sys/fs/lease-break-time says. False where the file system has none, the file is another's, or somebody writes.
bool take_read_lease(int file);

/// Whether nobody wants to write since.
[[nodiscard]] bool read_lease_holds(int file);

void end_read_lease(int file);

}  // namespace custody::blobs
