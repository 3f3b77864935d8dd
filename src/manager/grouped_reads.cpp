#include "manager/grouped_reads.hpp"

#include <unistd.h>

#include <iterator>
#include <utility>

namespace custody {

namespace {

constexpr auto patience = std::chrono::milliseconds(500);
constexpr std::size_t most_waiting = 1000;

}  // namespace

GroupedReads::GroupedReads(std::function<void()> flush, std::chrono::milliseconds every)
    : flush_(std::move(flush)), every_(every), owner_pid_(::getpid()) {
    if (every_.count() > 0) shared_->thread = std::thread([this] { run(); });
}

GroupedReads::~GroupedReads() {
    if (::getpid() != owner_pid_) {
        (void)shared_.release();  // a forked child has no such thread, and may have its lock held for ever
        return;
    }
    stop();
}

void GroupedReads::stop() {
    std::thread thread;
    {
        const std::lock_guard lock(shared_->mutex);
        ending_ = true;
        thread.swap(shared_->thread);
    }
    shared_->moves.notify_all();
    if (thread.joinable()) thread.join();
    const std::lock_guard lock(shared_->mutex);
    ending_ = false;
}

bool GroupedReads::add(audit::Draft&& draft) {
    const std::lock_guard lock(shared_->mutex);
    if (failing_ || waiting_.size() >= most_waiting) return false;
    if (!shared_->thread.joinable()) shared_->thread = std::thread([this] { run(); });
    waiting_.push_back(std::move(draft));
    if (waiting_.size() == 1) shared_->moves.notify_all();
    return true;
}

std::vector<audit::Draft> GroupedReads::take() {
    const std::lock_guard lock(shared_->mutex);
    failing_ = false;
    return std::exchange(waiting_, {});
}

void GroupedReads::put_back(std::vector<audit::Draft>&& drafts, bool failing) {
    const std::lock_guard lock(shared_->mutex);
    failing_ = failing;
    drafts.insert(drafts.end(), std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end()));
    waiting_ = std::move(drafts);
}

bool GroupedReads::empty() const {
    const std::lock_guard lock(shared_->mutex);
    return waiting_.empty();
}

void GroupedReads::run() {
    std::unique_lock lock(shared_->mutex);
    while (!ending_) {
        const auto due = [&] { return ending_ || !waiting_.empty(); };
        if (every_.count() > 0) {
            shared_->moves.wait_for(lock, every_, due);
        } else {
            shared_->moves.wait(lock, due);
        }
        if (!ending_ && !waiting_.empty()) shared_->moves.wait_for(lock, patience, [&] { return ending_; });
        if (ending_) return;
        lock.unlock();
        try {
            flush_();
        } catch (const std::exception&) {
            // They wait on. Until a write succeeds, reads write their own entries, and tell their callers where they can't.
        }
        lock.lock();
    }
}

}  // namespace custody
