#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <custody/artifact_manager.hpp>
#include <custody/error.hpp>
#include <random>
#include <string>
#include <vector>

namespace custody::testing {

/// Draws values that somebody hostile, or careless, might give. The same seed draws the same.
class HostileValues {
   public:
    explicit HostileValues(std::uint64_t seed) : random_(seed) {}

    /// A text: NUL, bytes that are no UTF-8, control characters, SQL, paths, very long ones, harmless ones.
    std::string text();
    /// A JSON text, well formed or not: deep, wide, with duplicate keys, with numbers past every limit.
    std::string json_text();
    /// A JSON value of any kind, also of those that can't be written down (NaN, invalid UTF-8, binary).
    json value(int depth = 0);
    std::int64_t number();
    Timestamp time();
    bool chance(unsigned one_in) { return random_() % one_in == 0; }
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

    template <class T>
    const T& one_of(const std::vector<T>& values) {
        return values[random_() % values.size()];
    }

   private:
    std::mt19937_64 random_;
};

/// A call with such values: done, or refused with an error of custody that says something.
template <class Call>
void attempt(const Call& call) {
    try {
        call();
    } catch (const Error& error) {
        CHECK(error.what()[0] != '\0');
    } catch (const std::exception& error) {
        FAIL_CHECK("threw what is no error of custody: " << error.what());
    }
}

/// Sets, removes, lists or applies retention policies. @throws what the call does
void attack_retention(ArtifactManager& manager, HostileValues& draw, const ArtifactType& type);
void attack_process(ArtifactManager& manager, HostileValues& draw);

}  // namespace custody::testing
