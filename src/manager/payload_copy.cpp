#include "manager/payload_copy.hpp"

#include <cerrno>
#include <custody/error.hpp>
#include <utility>

namespace custody::manager {

namespace {

using Outcome = PayloadCopy::Outcome;

/// So often a payload is read anew whose file got or lost a name meanwhile (a named link, a cleanup), which shows like a change.
constexpr int most_attempts = 10;
/// What is as large takes longer to write than to sync, and is written out while it is read.
constexpr std::uint64_t large_bytes = std::uint64_t{1} << 20U;
/// So many are open at once.
constexpr std::size_t most_waiting = 64;
/// With fewer than this each has its own sync: one for the whole file system waits for what others write there, too.
constexpr std::size_t fewest_together = 8;

bool is_large(const catalog::PayloadRow& row) { return row.size_bytes >= large_bytes; }

// Whether it is the source that can't be read: an EIO may be of either disk.
bool is_unreadable(const blobs::BlobStore& from, const Digest& digest) {
    try {
        (void)from.matches(digest);
        return false;
    } catch (const IoError&) {
        return true;
    }
}

}  // namespace

PayloadCopies::PayloadCopies(const blobs::BlobStore& from, blobs::BlobStore& to, bool rehash, Told tell)
    : from_(from), to_(to), rehash_(rehash), tell_(std::move(tell)), barrier_(to.barrier()) {}

void PayloadCopies::copy(const catalog::PayloadRow& row, const blobs::Progress& progress) {
    const auto there = to_.stat(row.digest);
    if (there && there->size_bytes == row.size_bytes && (!rehash_ || to_.matches(row.digest))) {
        return tell_(row, {Outcome::there, {}, there->mtime_ns});
    }
    std::optional<PayloadCopy> wrong;
    for (int attempt = 1;; ++attempt) {
        try {
            wrong = stage(row, progress);
            break;
        } catch (const IoError& error) {
            if (error.code() != EBUSY || attempt == most_attempts) throw;
        }
    }
    if (wrong) tell_(row, *wrong);
    if (is_large(row) || waiting_.size() >= most_waiting) publish_waiting();
}

/// Answers what is wrong with the source; where nothing is, the copy waits to be published.
std::optional<PayloadCopy> PayloadCopies::stage(const catalog::PayloadRow& row, const blobs::Progress& progress) {
    const auto path = from_.path_of(row.digest).string();
    blobs::Descriptor file;
    try {
        if (!from_.stat(row.digest)) return PayloadCopy{Outcome::missing, "no file " + path};
        file = from_.open(row.digest);
    } catch (const Corruption& error) {
        return PayloadCopy{Outcome::missing, error.what()};
    } catch (const IoError& error) {
        return PayloadCopy{Outcome::damaged, error.what()};
    }
    try {
        auto staged = to_.stage_descriptor(file.get(), progress, is_large(row) ? blobs::Sync::now : blobs::Sync::later);
        if (staged.digest() != row.digest) {
            return PayloadCopy{Outcome::damaged, "its bytes are not those that were stored: " + path};
        }
        waiting_.push_back({row, std::move(staged)});
        return std::nullopt;
    } catch (const IoError& error) {
        if (error.code() != EIO || !is_unreadable(from_, row.digest)) throw;
        return PayloadCopy{Outcome::damaged, error.what()};
    }
}

void PayloadCopies::publish_waiting() {
    std::vector<const blobs::Staged*> all;
    for (const auto& each : waiting_) all.push_back(&each.staged);
    const bool together = barrier_ && all.size() >= fewest_together;
    together ? barrier_->sync() : to_.sync_staged(all);
    for (auto& [row, staged] : waiting_) {
        to_.publish(staged, false, blobs::Sync::later);
        tell_(row, {Outcome::copied, {}, staged.mtime_ns()});
    }
    waiting_.clear();
}

void PayloadCopies::finish() {
    publish_waiting();
    // Also the names of what was there: whoever gave them may have been killed before they were durable.
    barrier_ ? barrier_->sync() : to_.sync_all_names();
}

}  // namespace custody::manager
