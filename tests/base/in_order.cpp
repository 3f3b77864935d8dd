#include "base/in_order.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace custody;

namespace {

// Whether a hundred items come back in order, each worked on.
bool works() {
    int next = 0, used = 0;
    bool right = true;
    base::in_order<int>([&](int& item) { return (item = ++next) <= 100; }, [](int& item) { item *= 2; },
                        [&](int& item) { right = right && item == 2 * ++used; });
    return right && used == 100;
}

}  // namespace

TEST_CASE("items come back in the order in which they were made") { CHECK(works()); }

TEST_CASE("where the system has no more threads, work is done by those there are") {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const rlimit none{0, 0};
        const bool limited = (::geteuid() != 0 || ::setuid(65534) == 0) && ::setrlimit(RLIMIT_NPROC, &none) == 0;
        try {
            ::_exit(limited && works() ? 0 : 1);
        } catch (const std::exception&) {
            ::_exit(2);
        }
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
