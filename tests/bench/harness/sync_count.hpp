#pragma once

#include <cstdint>

namespace custody::bench {

/// How often this process has asked for something to be made durable: fsync, fdatasync and syncfs, whoever in it called, SQLite
/// too. What io_uring syncs is not seen.
std::uint64_t syncs_so_far() noexcept;

}  // namespace custody::bench
