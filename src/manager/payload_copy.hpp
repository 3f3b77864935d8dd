#pragma once

#include <cstdint>
#include <string>

#include "blobs/blob_store.hpp"

namespace custody::manager {

/// What became of a payload that was to be copied.
struct PayloadCopy {
    enum class Outcome {
        copied,
        there,    ///< the target has it already
        missing,  ///< the source hasn't
        damaged   ///< what the source has is something else, or can't be read
    } outcome;
    std::string message{};      ///< of what is missing or damaged
    std::int64_t mtime_ns = 0;  ///< of the target's file
};

/// Copies one payload from store to store, hashed while it is copied and durable before this returns. What the target has
/// is believed if its size is right; with `rehash` it is hashed, and replaced if it is bad. @throws IoError where the target
/// can't be written; whatever `progress` throws
PayloadCopy copy_payload(const blobs::BlobStore& from, blobs::BlobStore& to, const Digest& digest, std::uint64_t size_bytes,
                         bool rehash, const blobs::Progress& progress);

}  // namespace custody::manager
