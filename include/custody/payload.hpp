#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <custody/ids.hpp>

namespace custody {

/// Reads a payload from start to end, hashing as it goes.
class CUSTODY_API PayloadStream {
   public:
    struct Impl;
    explicit PayloadStream(std::unique_ptr<Impl> impl) noexcept;
    PayloadStream(PayloadStream&&) noexcept;
    PayloadStream& operator=(PayloadStream&&) noexcept;
    ~PayloadStream();

    [[nodiscard]] std::uint64_t size_bytes() const noexcept;
    [[nodiscard]] const Digest& checksum() const noexcept;

    /// Fills the buffer as far as it can; 0 at the end. The last bytes are handed out only if the whole
    /// matches its SHA-256. @throws Corruption where it doesn't; IoError
    [[nodiscard]] std::size_t read(std::span<std::byte> buffer);

   private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace custody
