#include "sqlite/watch.hpp"

#include <sqlite3.h>

namespace custody::sqlite {

namespace {

constexpr int steps_between_looks = 100000;

int ends(void* goes_on) { return (*static_cast<std::function<bool()>*>(goes_on))() ? 0 : 1; }

}  // namespace

Watch::Watch(Connection& connection, std::function<bool()> goes_on) : connection_(connection), goes_on_(std::move(goes_on)) {
    sqlite3_progress_handler(connection_.handle(), steps_between_looks, ends, &goes_on_);
}

Watch::~Watch() { sqlite3_progress_handler(connection_.handle(), 0, nullptr, nullptr); }

}  // namespace custody::sqlite
