#include "blobs/thread_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "blobs/errors.hpp"

namespace custody::blobs {

ThreadWriter::ThreadWriter(int file, std::filesystem::path path, std::uint64_t offset)
    : file_(file), path_(std::move(path)), offset_(offset), thread_([this] { run(); }) {}

// Called with pieces still to be written only where the work is given up: what is in the file by then doesn't matter.
ThreadWriter::~ThreadWriter() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

std::span<std::byte> ThreadWriter::buffer() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return filled_ - written_ < pieces || failure_; });
    rethrow();
    return memory_.span().subspan(filled_ % pieces * piece_bytes, piece_bytes);
}

void ThreadWriter::write(std::size_t size_bytes) {
    {
        const std::lock_guard lock(mutex_);
        sizes_[filled_ % pieces] = size_bytes;
        ++filled_;
    }
    changed_.notify_all();
}

void ThreadWriter::finish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return filled_ == written_ || failure_; });
    rethrow();
    if (::ftruncate(file_, static_cast<off_t>(offset_)) != 0) throw_io(errno, "write", path_);
}

void ThreadWriter::rethrow() {
    if (failure_) std::rethrow_exception(failure_);
}

void ThreadWriter::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return filled_ != written_ || ends_; });
        if (ends_) return;
        const auto slot = static_cast<std::size_t>(written_ % pieces);
        lock.unlock();
        std::exception_ptr failure;
        try {
            write_piece(slot);
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        if (failure) failure_ = failure;
        ++written_;
        changed_.notify_all();
        if (failure) return;
    }
}

void ThreadWriter::write_piece(std::size_t slot) {
    const auto* bytes = memory_.data() + slot * piece_bytes;
    for (auto left = sizes_[slot]; left > 0;) {
        const ssize_t count = ::pwrite(file_, bytes, left, static_cast<off_t>(offset_));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw_io(errno, "write", path_);
        // The disk works while the rest is read and hashed; only a hint, so a refusal means nothing.
        ::sync_file_range(file_, static_cast<off_t>(offset_), count, SYNC_FILE_RANGE_WRITE);
        bytes += count;
        left -= static_cast<std::size_t>(count);
        offset_ += static_cast<std::uint64_t>(count);
    }
}

}  // namespace custody::blobs
