#include <custody/error.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace custody;

namespace {

/// Throws a `Thrown` and tells whether a handler for `Caught` gets it whole.
template <class Caught, class Thrown>
bool is_caught_as(const Thrown& thrown) {
    try {
        throw thrown;
    } catch (const Caught& caught) {
        return caught.what() == std::string("message");
    } catch (...) {
        return false;
    }
}

template <class Thrown>
void check(const Thrown& thrown) {
    CHECK(is_caught_as<Thrown>(thrown));
    CHECK(is_caught_as<Error>(thrown));
    CHECK(is_caught_as<std::runtime_error>(thrown));
}

}  // namespace

TEST_CASE("every failure is an Error that keeps its message") {
    check(Error("message"));
    check(InvalidArgument("message"));
    check(NotFound("message"));
    check(Conflict("message"));
    check(Refused("message", "ssn"));
    check(Busy("message"));
    check(IoError("message", 28));
    check(SourceNotFound("message", 2));
    check(SourceIsDirectory("message", 21));
    check(Corruption("message"));
    check(SchemaAltered("message"));
    check(StoreNotFound("message"));
    check(VersionMismatch("message"));
    check(InvalidState("message"));
}

TEST_CASE("narrower failures are caught as the wider ones, and others are not") {
    CHECK(is_caught_as<IoError>(SourceNotFound("message", 2)));
    CHECK(is_caught_as<IoError>(SourceIsDirectory("message", 21)));
    CHECK(is_caught_as<Corruption>(SchemaAltered("message")));
    CHECK_FALSE(is_caught_as<NotFound>(StoreNotFound("message")));
    CHECK(Refused("message", "ssn").rule() == "ssn");
    CHECK(IoError("message", 28).code() == 28);
}
