#pragma once

#include <custody/maintenance.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "blobs/blob_store.hpp"
#include "catalog/payloads.hpp"

namespace custody::manager {

/// What came of one payload.
struct PayloadResult {
    enum class State { good, missing, wrong_size, wrong_content, unreadable } state = State::good;
    bool hashed = false;
    std::int64_t mtime_ns = 0;     ///< of its file
    std::uint64_t size_bytes = 0;  ///< of its file
    std::string message{};         ///< unreadable: why
};

/// Looks at payloads by several threads, the largest first, and hashes those that are to be hashed. Whatever is called back is
/// called in the calling thread.
class PayloadCheck {
   public:
    struct Task {
        catalog::PayloadRow row;
        bool to_hash;
    };
    PayloadCheck(const blobs::BlobStore& blobs, std::vector<Task> tasks, unsigned threads);

    /// `use` gets each result once, in whatever order they come; `tell` the bytes hashed so far, some ten times a second. What
    /// either throws stops the threads and comes through.
    void run(const std::function<void(const Task&, const PayloadResult&)>& use, const std::function<void(std::uint64_t)>& tell);

    [[nodiscard]] std::uint64_t total_bytes() const;

   private:
    const blobs::BlobStore& blobs_;
    std::vector<Task> tasks_;
    unsigned threads_;
};

}  // namespace custody::manager
