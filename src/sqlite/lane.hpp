#pragma once

#include <algorithm>
#include <custody/error.hpp>
#include <utility>

#include "sqlite/database.hpp"

namespace custody::sqlite {

/// A thread's place among the writers of this process: first come, first served.
class Database::Lane {
   public:
    /// Waits until it is this thread's turn or, where it joins, another one has run `body`. @throws Busy where patience ends
    Lane(Database& database, Patience patience, Grouping grouping = Grouping::alone, const Body* body = nullptr)
        : database_(database) {
        waiter_->grouping = grouping;
        waiter_->body = body;
        std::unique_lock lock(database_.lane_mutex_);
        database_.lane_.push_back(waiter_);
        const auto has_come = [&] { return waiter_->is_served || database_.lane_.front() == waiter_; };
        while (!waiter_->moved.wait_until(lock, patience.next_look(), has_come)) {
            lock.unlock();  // whoever is asked may take long, and others go on
            const bool is_over = patience.is_over();
            lock.lock();
            if (!is_over || has_come()) continue;
            std::erase(database_.lane_, waiter_);
            lock.unlock();
            database_.throw_busy("another thread of this process", patience);
        }
        if (waiter_->is_served) waiter_->moved.wait(lock, [&] { return waiter_->is_over; });
    }
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;
    ~Lane() {
        if (waiter_->is_served) return;
        const std::lock_guard lock(database_.lane_mutex_);
        database_.lane_.pop_front();
        if (!database_.lane_.empty()) database_.lane_.front()->moved.notify_one();
    }
    [[nodiscard]] bool is_served() const { return waiter_->is_served; }
    /// Of one that was served: what its body threw, or what the transaction failed with.
    [[nodiscard]] std::exception_ptr take_failure() { return std::exchange(waiter_->failure, {}); }
    /// The next one in line, where that joins: it is out of the line then, and in the group.
    std::shared_ptr<Waiter> take_next(Group& group) {
        const std::lock_guard lock(database_.lane_mutex_);
        auto& line = database_.lane_;
        if (line.size() < 2 || line[1]->grouping != Grouping::joins) return nullptr;
        auto next = line[1];
        group.served.push_back(next);
        line.erase(line.begin() + 1);
        next->is_served = true;
        return next;
    }

   private:
    Database& database_;
    std::shared_ptr<Waiter> waiter_ = std::make_shared<Waiter>();
};

}  // namespace custody::sqlite
