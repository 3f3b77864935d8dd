#pragma once

#include <cstddef>
#include <vector>

namespace custody::bench {

/// What repeated measurements say: the median, and the quartiles below and above it.
struct Spread {
    double median = 0;
    double low = 0;
    double high = 0;
    std::size_t count = 0;
};

/// At least one value. Quartiles of few values lie between them, so that one outlier doesn't make the spread.
Spread spread_of(std::vector<double> values);

/// Of `each[i] / other[i]`: what was measured in one round is compared with its own round, so that what disturbs the machine for
/// a while disturbs both.
Spread ratio_of(const std::vector<double>& each, const std::vector<double>& other);

}  // namespace custody::bench
