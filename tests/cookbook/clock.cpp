// The program's own clock_gettime comes before the C library's, for the C++ library too.
#include "cookbook/clock.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <custody/time.hpp>

namespace {

std::atomic<long> stopped_at_s{0};
constexpr long booted_at_s = 1788246000;  // 2026-09-01T07:00:00Z, for every process of the story

}  // namespace

extern "C" __attribute__((no_sanitize_address, no_sanitize_thread)) int clock_gettime(clockid_t clock, timespec* time) noexcept {
    const long now = stopped_at_s.load();
    if (now != 0 && (clock == CLOCK_REALTIME || clock == CLOCK_BOOTTIME)) {
        time->tv_sec = clock == CLOCK_REALTIME ? now : now - booted_at_s;
        time->tv_nsec = 0;
        return 0;
    }
    return static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
}

namespace custody::testing {

void stop_clock_at(std::string_view time) {
    const auto since_epoch = Timestamp::parse(time).time().time_since_epoch();
    stopped_at_s.store(static_cast<long>(std::chrono::floor<std::chrono::seconds>(since_epoch).count()));
}

}  // namespace custody::testing
