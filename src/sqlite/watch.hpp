#pragma once

#include <functional>

#include "sqlite/connection.hpp"

namespace custody::sqlite {

/// While it lives, long statements of a connection can be ended: SQLite asks every few milliseconds of work.
class Watch {
   public:
    /// `goes_on` must not throw; where it answers false, the statement that runs ends with an Error.
    Watch(Connection& connection, std::function<bool()> goes_on);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Connection& connection_;
    std::function<bool()> goes_on_;
};

}  // namespace custody::sqlite
