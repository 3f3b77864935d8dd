#include "bench/harness/statistics.hpp"

#include <algorithm>
#include <stdexcept>

namespace custody::bench {

namespace {

// Of sorted values, where `part` of them lie below.
double quantile(const std::vector<double>& sorted, double part) {
    const double place = part * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const auto above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

Spread spread_of(std::vector<double> values) {
    if (values.empty()) throw std::logic_error("nothing was measured");
    std::sort(values.begin(), values.end());
    return {quantile(values, 0.5), quantile(values, 0.25), quantile(values, 0.75), values.size()};
}

Spread ratio_of(const std::vector<double>& each, const std::vector<double>& other) {
    if (each.size() != other.size()) throw std::logic_error("a ratio takes two measurements of each round");
    std::vector<double> ratios;
    for (std::size_t i = 0; i < each.size(); ++i) ratios.push_back(each[i] / other[i]);
    return spread_of(std::move(ratios));
}

}  // namespace custody::bench
