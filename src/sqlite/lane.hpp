#pragma once

#include <algorithm>

#include <custody/error.hpp>

#include "sqlite/database.hpp"

namespace custody::sqlite {

/// A thread's place among the writers of this process.
class Database::Lane {
   public:
    Lane(Database& database, Deadline deadline) : database_(database) {
        std::unique_lock lock(database_.lane_mutex_);
        const auto place = database_.next_place_++;
        database_.lane_.push_back(place);
        const auto mine = [&] { return database_.lane_.front() == place; };
        if (!database_.lane_moves_.wait_until(lock, deadline, mine)) {
            std::erase(database_.lane_, place);
            throw Busy("another thread held the catalog past the lock timeout; nothing was changed");
        }
    }
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;
    ~Lane() {
        const std::lock_guard lock(database_.lane_mutex_);
        database_.lane_.pop_front();
        database_.lane_moves_.notify_all();
    }

   private:
    Database& database_;
};

}  // namespace custody::sqlite
