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
    if (every_.count() > 0) thread_ = std::thread([this] { run(); });
}

GroupedReads::~GroupedReads() {
    if (::getpid() != owner_pid_) {
        // A forked child has no such thread, and may have its lock held for ever: it lets go of both.
        (void)new std::thread(std::move(thread_));
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    moves_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool GroupedReads::add(audit::Draft&& draft) {
    const std::lock_guard lock(mutex_);
    if (failing_ || waiting_.size() >= most_waiting) return false;
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    waiting_.push_back(std::move(draft));
    if (waiting_.size() == 1) moves_.notify_all();
    return true;
}

std::vector<audit::Draft> GroupedReads::take() {
    const std::lock_guard lock(mutex_);
    failing_ = false;
    return std::exchange(waiting_, {});
}

void GroupedReads::put_back(std::vector<audit::Draft>&& drafts, bool failing) {
    const std::lock_guard lock(mutex_);
    failing_ = failing;
    drafts.insert(drafts.end(), std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end()));
    waiting_ = std::move(drafts);
}

bool GroupedReads::empty() const {
    const std::lock_guard lock(mutex_);
    return waiting_.empty();
}

void GroupedReads::run() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
        const auto due = [&] { return ending_ || !waiting_.empty(); };
        if (every_.count() > 0) {
            moves_.wait_for(lock, every_, due);
        } else {
            moves_.wait(lock, due);
        }
        if (!ending_ && !waiting_.empty()) moves_.wait_for(lock, patience, [&] { return ending_; });
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
