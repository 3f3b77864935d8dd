#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

namespace custody::blobs {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t huge_page_bytes = std::size_t{2} << 20U;

/// Memory that begins at a page's begin, as writes past the page cache want it; in huge pages where that is worth it and the
/// system has them (a copy into it, and its way to the disk, then take a tenth less).
class AlignedBuffer {
   public:
    /// `size_bytes` is a multiple of a page. @throws std::bad_alloc
    explicit AlignedBuffer(std::size_t size_bytes)
        : size_(size_bytes), memory_(static_cast<std::byte*>(std::aligned_alloc(alignment_of(size_bytes), size_bytes))) {
        if (!memory_) throw std::bad_alloc();
        if (alignment_of(size_bytes) == huge_page_bytes) ::madvise(memory_.get(), size_bytes, MADV_HUGEPAGE);  // only a wish
    }
    [[nodiscard]] std::byte* data() const { return memory_.get(); }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::span<std::byte> span() const { return {data(), size_}; }

   private:
    static std::size_t alignment_of(std::size_t size_bytes) {
        return size_bytes % huge_page_bytes == 0 ? huge_page_bytes : page_bytes;
    }
    struct Free {
        void operator()(std::byte* memory) const noexcept { std::free(memory); }
    };
    std::size_t size_;
    std::unique_ptr<std::byte, Free> memory_;
};

}  // namespace custody::blobs
