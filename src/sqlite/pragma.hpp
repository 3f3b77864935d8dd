#pragma once

#include "sqlite/connection.hpp"

namespace custody::sqlite {

/// What a pragma, or any other statement of one number, answers.
inline int pragma(Connection& connection, const char* sql) {
    Query query(connection, sql);
    query.step();
    return static_cast<int>(query.integer(0));
}

}  // namespace custody::sqlite
