#include "blobs/background_hash.hpp"

#include <algorithm>
#include <system_error>

#include "blobs/aligned_buffer.hpp"

namespace custody::blobs {

namespace {

constexpr std::size_t line_bytes = 64;

// What another core has just filled comes slowly, line by line: unasked, that takes a third of the time. So each page is asked
// for two pages before it is needed.
void update_ahead(base::Sha256& sha256, std::span<const std::byte> piece) {
    constexpr std::size_t ahead = 2 * page_bytes;
    for (; piece.size() >= ahead + page_bytes; piece = piece.subspan(page_bytes)) {
        for (std::size_t at = 0; at < page_bytes; at += line_bytes) __builtin_prefetch(piece.data() + ahead + at);
        sha256.update(piece.first(page_bytes));
    }
    sha256.update(piece);
}

}  // namespace

BackgroundHash::BackgroundHash(base::Sha256& sha256, std::size_t most_pending)
    : sha256_(sha256), most_pending_(std::min(most_pending, pieces_.size() - 1)) {
    if (std::thread::hardware_concurrency() < 2) return;
    try {
        thread_ = std::thread([this] { run(); });
    } catch (const std::system_error&) {
        // A limit of threads: slower, and nothing else.
    }
}

BackgroundHash::~BackgroundHash() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void BackgroundHash::add(std::span<const std::byte> piece) {
    if (!thread_.joinable()) return sha256_.update(piece);
    std::unique_lock lock(mutex_);
    pieces_[added_++ % pieces_.size()] = piece;
    changed_.notify_all();
    changed_.wait(lock, [this] { return added_ - hashed_ <= most_pending_; });
}

void BackgroundHash::finish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return added_ == hashed_ || !thread_.joinable(); });
}

void BackgroundHash::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return added_ != hashed_ || ends_; });
        if (ends_) return;
        const auto piece = pieces_[hashed_ % pieces_.size()];
        lock.unlock();
        update_ahead(sha256_, piece);
        lock.lock();
        ++hashed_;
        changed_.notify_all();
    }
}

}  // namespace custody::blobs
