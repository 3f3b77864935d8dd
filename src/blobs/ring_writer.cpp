#include "blobs/ring_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "blobs/durable.hpp"
#include "blobs/errors.hpp"

namespace custody::blobs {

std::unique_ptr<RingWriter> RingWriter::make(int file, const std::filesystem::path& path, std::uint64_t offset) {
    const int flags = ::fcntl(file, F_GETFL);
    if (flags < 0 || ::fcntl(file, F_SETFL, flags | O_DIRECT) != 0) return nullptr;
    io_uring ring{};
    if (::io_uring_queue_init(pieces, &ring, 0) != 0) {
        ::fcntl(file, F_SETFL, flags);
        return nullptr;
    }
    try {
        return std::unique_ptr<RingWriter>(new RingWriter(file, flags, path, offset, ring));
    } catch (...) {
        ::io_uring_queue_exit(&ring);
        ::fcntl(file, F_SETFL, flags);
        throw;
    }
}

RingWriter::RingWriter(int file, int flags, std::filesystem::path path, std::uint64_t offset, const io_uring& ring)
    : file_(file), flags_(flags), path_(std::move(path)), offset_(offset), end_(offset), ring_(ring) {}

RingWriter::~RingWriter() {
    drain();
    ::io_uring_queue_exit(&ring_);
    leave_direct();
}

std::span<std::byte> RingWriter::buffer() {
    while (pieces_[next_].is_on_its_way) wait_for_one();
    return {memory_of(next_), piece_bytes};
}

// The last piece is filled up to whole pages, which finish() cuts off again.
void RingWriter::write(std::size_t size_bytes) {
    const auto padded = (size_bytes + page_bytes - 1) / page_bytes * page_bytes;
    std::memset(memory_of(next_) + size_bytes, 0, padded - size_bytes);
    pieces_[next_] = {.size_bytes = padded, .offset = offset_};
    submit(next_);
    offset_ += padded;
    end_ += size_bytes;
    next_ = (next_ + 1) % pieces;
}

void RingWriter::finish() {
    while (on_their_way_ > 0) wait_for_one();
    leave_direct();
    if (::ftruncate(file_, static_cast<off_t>(end_)) != 0) throw_io(errno, "write", path_);
}

void RingWriter::submit(std::size_t slot) {
    auto& piece = pieces_[slot];
    // There are as many entries as pieces. One that the kernel didn't take stays in the ring, and would go with the next.
    auto* const entry = refused_ ? nullptr : ::io_uring_get_sqe(&ring_);
    if (entry == nullptr) return write_by_hand(slot);
    ::io_uring_prep_write(entry, file_, memory_of(slot) + piece.written_bytes,
                          static_cast<unsigned>(piece.size_bytes - piece.written_bytes), piece.offset + piece.written_bytes);
    ::io_uring_sqe_set_data(entry, &piece);
    int code = 0;
    do code = ::io_uring_submit(&ring_);
    while (code == -EINTR);
    refused_ = code < 1;
    if (refused_) return write_by_hand(slot);
    piece.is_on_its_way = true;
    ++on_their_way_;
}

void RingWriter::wait_for_one() {
    io_uring_cqe* done = nullptr;
    const int code = ::io_uring_wait_cqe(&ring_, &done);
    if (code == -EINTR) return;
    if (code != 0) throw_io(-code, "write", path_);
    const auto copy = *done;
    ::io_uring_cqe_seen(&ring_, done);
    take(copy);
}

void RingWriter::take(const io_uring_cqe& done) {
    auto& piece = *static_cast<Piece*>(::io_uring_cqe_get_data(&done));
    const auto slot = static_cast<std::size_t>(&piece - pieces_.data());
    piece.is_on_its_way = false;
    --on_their_way_;
    if (done.res == -EINTR || done.res == -EAGAIN) return submit(slot);
    // A file system may take the flag and refuse the write: its blocks are larger than a page, or it has no such writes.
    if (done.res == -EINVAL || done.res == -EOPNOTSUPP) return write_by_hand(slot);
    if (done.res < 0) throw_io(-done.res, "write", path_);
    piece.written_bytes += static_cast<std::size_t>(done.res);
    // The rest of a short write says why it was short; it may begin anywhere, which a direct write can't.
    if (piece.written_bytes < piece.size_bytes) write_by_hand(slot);
}

// Through the page cache, from here on the whole file; pieces that are on their way lie elsewhere in it.
void RingWriter::write_by_hand(std::size_t slot) {
    auto& piece = pieces_[slot];
    leave_direct();
    while (piece.written_bytes < piece.size_bytes) {
        const ssize_t count = ::pwrite(file_, memory_of(slot) + piece.written_bytes, piece.size_bytes - piece.written_bytes,
                                       static_cast<off_t>(piece.offset + piece.written_bytes));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw_io(errno, "write", path_);
        piece.written_bytes += static_cast<std::size_t>(count);
    }
}

// The kernel reads the pieces' memory until their writes have ended.
void RingWriter::drain() noexcept {
    while (on_their_way_ > 0) {
        io_uring_cqe* done = nullptr;
        const int code = ::io_uring_wait_cqe(&ring_, &done);
        if (code == -EINTR) continue;
        if (code != 0) return;
        ::io_uring_cqe_seen(&ring_, done);
        --on_their_way_;
    }
}

void RingWriter::leave_direct() noexcept { (void)::fcntl(file_, F_SETFL, flags_); }

}  // namespace custody::blobs
