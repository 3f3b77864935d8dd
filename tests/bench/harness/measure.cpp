#include "bench/harness/measure.hpp"

#include <chrono>

namespace custody::bench {

double seconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::vector<Timing> in_turns(int rounds, const std::vector<Subject>& subjects, bool warm_up) {
    std::vector<Timing> timings;
    for (const auto& subject : subjects) timings.push_back({subject.name, {}});
    for (int round = warm_up ? -1 : 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < subjects.size(); ++i) {
            const auto place = (i + static_cast<std::size_t>(round + 1)) % subjects.size();
            const auto& subject = subjects[place];
            if (subject.prepare) subject.prepare();
            const auto seconds = seconds_of(subject.work);
            if (round >= 0) timings[place].seconds.push_back(seconds);
        }
    }
    return timings;
}

}  // namespace custody::bench
