#pragma once

#include <string>

namespace custody::blobs {

/// open(2) relative to `folder` that refuses a symbolic link in any component: ELOOP. Answers -1 with errno
/// set. Never waits for a FIFO's other end, never takes a terminal over. By openat2 where there is one.
int open_without_links(int folder, const std::string& path, int flags);

/// The same, component by component, for kernels and sandboxes without openat2.
int walk_without_links(int folder, const std::string& path, int flags);

}  // namespace custody::blobs
