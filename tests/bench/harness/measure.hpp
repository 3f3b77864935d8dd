#pragma once

#include <functional>
#include <string>
#include <vector>

namespace custody::bench {

/// How long one piece of work took, in seconds.
double seconds_of(const std::function<void()>& work);

/// Something to be timed.
struct Subject {
    std::string name;
    std::function<void()> work;
    std::function<void()> prepare{};  ///< before each round; not timed
};

/// The seconds that a subject took, one value a round.
struct Timing {
    std::string name;
    std::vector<double> seconds;
};

/// Times all of them in turns, so many rounds, each round beginning with another one: what heats the processor or fills the
/// page cache does it to all. With `warm_up` a first round isn't counted.
std::vector<Timing> in_turns(int rounds, const std::vector<Subject>& subjects, bool warm_up = false);

}  // namespace custody::bench
