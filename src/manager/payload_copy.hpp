#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "blobs/blob_store.hpp"
#include "catalog/payloads.hpp"

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

/// Copies payloads from store to store, each hashed while it is copied. Small ones are synced many at a time, and get their names
/// after that: a name that is there stands for content that is durable, whoever was killed.
class PayloadCopies {
   public:
    using Told = std::function<void(const catalog::PayloadRow& row, const PayloadCopy& copy)>;

    /// What the target has is believed if its size is right; with `rehash` it is hashed, and replaced if it is bad. `tell` hears
    /// of each payload, though not at once. @throws IoError
    PayloadCopies(const blobs::BlobStore& from, blobs::BlobStore& to, bool rehash, Told tell);

    /// @throws IoError where the target can't be written; whatever `progress` throws
    void copy(const catalog::PayloadRow& row, const blobs::Progress& progress);
    /// All that was copied or was there already has its name by now, durably. @throws IoError
    void finish();

   private:
    struct Waiting {
        catalog::PayloadRow row;
        blobs::Staged staged;
    };
    std::optional<PayloadCopy> stage(const catalog::PayloadRow& row, const blobs::Progress& progress);
    void publish_waiting();

    const blobs::BlobStore& from_;
    blobs::BlobStore& to_;
    bool rehash_;
    Told tell_;
    std::optional<blobs::Barrier> barrier_;
    std::vector<Waiting> waiting_;
};

}  // namespace custody::manager
