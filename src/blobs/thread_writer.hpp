#pragma once

#include <array>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "blobs/aligned_buffer.hpp"
#include "blobs/piece_writer.hpp"

namespace custody::blobs {

/// Pieces through the page cache, in a thread of its own, which also has the disk begin early.
class ThreadWriter final : public PieceWriter {
   public:
    ThreadWriter(int file, std::filesystem::path path, std::uint64_t offset);
    ~ThreadWriter() override;
    std::span<std::byte> buffer() override;
    void write(std::size_t size_bytes) override;
    void finish() override;

   private:
    static constexpr std::size_t piece_bytes = std::size_t{1} << 20U;
    void run();
    void write_piece(std::size_t slot);
    void rethrow();

    int file_;
    std::filesystem::path path_;
    std::uint64_t offset_;
    AlignedBuffer memory_{pieces * piece_bytes};
    std::array<std::size_t, pieces> sizes_{};
    // Pieces are numbered; those below `written_` are in the file.
    std::uint64_t filled_ = 0, written_ = 0;
    bool ends_ = false;
    std::exception_ptr failure_{};
    std::mutex mutex_{};
    std::condition_variable changed_{};
    std::thread thread_{};
};

}  // namespace custody::blobs
