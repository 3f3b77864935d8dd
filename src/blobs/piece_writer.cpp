#include "blobs/piece_writer.hpp"

#include <fcntl.h>

#include <cerrno>

#include "blobs/errors.hpp"
#include "blobs/ring_writer.hpp"
#include "blobs/thread_writer.hpp"

namespace custody::blobs {

namespace {

// A file in few pieces, and a full disk found before the work and not after it. The file is then as large as what is expected;
// finish() cuts it off where what has come ends.
void ask_for_room(int file, const std::filesystem::path& path, std::uint64_t size_bytes) {
    if (size_bytes == 0 || ::fallocate(file, 0, 0, static_cast<off_t>(size_bytes)) == 0) return;
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) throw_io(errno, "write", path);
}

}  // namespace

std::unique_ptr<PieceWriter> make_piece_writer(int file, const std::filesystem::path& path, std::uint64_t offset,
                                               std::uint64_t size_hint_bytes, const Abilities& abilities) {
    ask_for_room(file, path, size_hint_bytes);
    if (abilities.ring) {
        if (auto writer = RingWriter::make(file, path, offset)) return writer;
    }
    return std::make_unique<ThreadWriter>(file, path, offset);
}

}  // namespace custody::blobs
