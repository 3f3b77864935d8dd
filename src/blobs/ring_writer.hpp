#pragma once

#include <liburing.h>

#include <array>
#include <optional>

#include "blobs/aligned_buffer.hpp"
#include "blobs/piece_writer.hpp"

namespace custody::blobs {

/// Pieces past the page cache (O_DIRECT) by io_uring, in the thread that reads and hashes: nothing is copied, and the disk takes
/// one piece while the next is made.
class RingWriter final : public PieceWriter {
   public:
    /// nullptr where the system or the file system refuses either (containers do): there is another way. The file is from here on
    /// open for writes past the page cache, until finish() or the writer's end.
    static std::unique_ptr<RingWriter> make(int file, const std::filesystem::path& path, std::uint64_t offset);
    ~RingWriter() override;
    std::span<std::byte> buffer() override;
    void write(std::size_t size_bytes) override;
    void finish() override;

   private:
    static constexpr std::size_t piece_bytes = huge_page_bytes;
    struct Piece {
        std::size_t size_bytes = 0;     ///< in whole pages
        std::size_t written_bytes = 0;  ///< of these
        std::uint64_t offset = 0;
        bool is_on_its_way = false;
    };

    RingWriter(int file, int flags, std::filesystem::path path, std::uint64_t offset, const io_uring& ring);
    [[nodiscard]] std::byte* memory_of(std::size_t slot) const { return memory_.data() + slot * piece_bytes; }
    void submit(std::size_t slot);
    void wait_for_one();
    void take(const io_uring_cqe& done);
    void write_by_hand(std::size_t slot);
    void drain() noexcept;
    void leave_direct() noexcept;

    int file_;
    int flags_;  ///< as they were
    std::filesystem::path path_;
    std::uint64_t offset_;  ///< where the next piece goes
    std::uint64_t end_;     ///< where the last one ends
    AlignedBuffer memory_{pieces * piece_bytes};
    std::array<Piece, pieces> pieces_{};
    std::size_t next_ = 0;
    std::size_t on_their_way_ = 0;
    bool refused_ = false;  ///< the ring took no more
    io_uring ring_;
};

}  // namespace custody::blobs
