#pragma once

#include <algorithm>
#include <custody/error.hpp>

#include "sqlite/database.hpp"

namespace custody::sqlite {

/// A thread's place among the writers of this process: first come, first served.
class Database::Lane {
   public:
    /// @throws Busy past the deadline
    Lane(Database& database, Deadline deadline, Grouping grouping = Grouping::alone) : database_(database) {
        waiter_.grouping = grouping;
        std::unique_lock lock(database_.lane_mutex_);
        database_.lane_.push_back(&waiter_);
        if (!waiter_.moved.wait_until(lock, deadline, [&] { return database_.lane_.front() == &waiter_; })) {
            std::erase(database_.lane_, &waiter_);
            throw Busy("another thread held the catalog past the lock timeout; nothing was changed");
        }
    }
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;
    ~Lane() {
        const std::lock_guard lock(database_.lane_mutex_);
        if (!left_) leave();
    }
    /// Leaves, if the next one is waiting and may write in the same transaction. That one goes on, whatever its deadline.
    [[nodiscard]] bool pass_on() {
        const std::lock_guard lock(database_.lane_mutex_);
        if (database_.lane_.size() < 2 || database_.lane_[1]->grouping != Grouping::joins) return false;
        leave();
        return left_ = true;
    }

   private:
    void leave() {
        database_.lane_.pop_front();
        if (!database_.lane_.empty()) database_.lane_.front()->moved.notify_one();
    }

    Database& database_;
    Waiter waiter_{};
    bool left_ = false;
};

}  // namespace custody::sqlite
