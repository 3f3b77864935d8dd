#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "blobs/abilities.hpp"

namespace custody::blobs {

/// The end of a copy: pieces are written while whoever filled them goes on reading them (and hashes them). The memory is the
/// writer's own, so that nobody can change a piece between the hash and the disk.
class PieceWriter {
   public:
    /// How many pieces it has memory for: a piece stays as it is until buffer() was called so many times after it.
    static constexpr std::size_t pieces = 4;

    virtual ~PieceWriter() = default;
    PieceWriter(const PieceWriter&) = delete;
    PieceWriter& operator=(const PieceWriter&) = delete;

    /// Where the next piece goes: memory that no write is using any more, of one size, a multiple of a page. @throws IoError for
    /// a piece before it
    virtual std::span<std::byte> buffer() = 0;
    /// Begins to write the first `size_bytes` of what buffer() gave last, which may be read until its memory is
    /// given again. All pieces but the last are whole buffers. @throws IoError
    virtual void write(std::size_t size_bytes) = 0;
    /// Waits until every piece is in the file, which then ends with the last one. It is not durable yet. @throws IoError
    virtual void finish() = 0;

   protected:
    PieceWriter() = default;
};

/// What a file of a size is worth the trouble of writing in the background.
constexpr std::uint64_t large_bytes = std::uint64_t{4} << 20U;

/// Writes to `file` from `offset` (a multiple of a page) on, where it ends. By io_uring past the page cache, else by a thread of
/// its own. `size_hint_bytes` is what is expected in all, or 0: room for it is asked for at once. `path` is for messages.
/// @throws IoError where there is no room
std::unique_ptr<PieceWriter> make_piece_writer(int file, const std::filesystem::path& path, std::uint64_t offset,
                                               std::uint64_t size_hint_bytes, const Abilities& abilities);

}  // namespace custody::blobs
