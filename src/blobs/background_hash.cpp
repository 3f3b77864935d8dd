#include "blobs/background_hash.hpp"

#include <algorithm>
#include <system_error>

namespace custody::blobs {

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
        sha256_.update_far(piece);
        lock.lock();
        ++hashed_;
        changed_.notify_all();
    }
}

}  // namespace custody::blobs
