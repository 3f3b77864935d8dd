#include "bench/harness/report.hpp"

#include <cmath>
#include <iomanip>
#include <ostream>
#include <sstream>

namespace custody::bench {

namespace {

// Three figures that count, and never 1.23e+06.
std::string figure(double value) {
    std::ostringstream text;
    const double size = std::abs(value);
    text << std::fixed << std::setprecision(size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3) << value;
    return text.str();
}

std::string with_spread(const Spread& spread) {
    if (spread.count < 2) return figure(spread.median);
    return figure(spread.median) + " (" + figure(spread.low) + " to " + figure(spread.high) + ")";
}

ordered_json to_json(const Spread& spread) {
    return {{"median", spread.median}, {"low", spread.low}, {"high", spread.high}, {"count", spread.count}};
}

const char* name_of(Goal::Of of) { return of == Goal::Of::value ? "value" : "ratio"; }

ordered_json to_json(const Result& result) {
    ordered_json out = {{"what", result.what}, {"unit", result.unit}, {"value", to_json(result.value)}};
    if (!result.baseline.empty()) out["baseline"] = result.baseline;
    if (result.baseline_value) out["baseline_value"] = to_json(*result.baseline_value);
    if (result.ratio) out["ratio"] = to_json(*result.ratio);
    if (const auto reached = result.reached()) {
        out["to_reach"] = {{"of", name_of(result.goal.of)},
                           {result.goal.at_most ? "at_most" : "at_least", result.goal.number},
                           {"reached", *reached}};
    }
    if (!result.parameters.empty()) out["parameters"] = result.parameters;
    if (!result.series.empty()) out["series"] = result.series;
    if (!result.note.empty()) out["note"] = result.note;
    return out;
}

}  // namespace

std::vector<double> Unit::of(const std::vector<double>& seconds) const {
    std::vector<double> values;
    for (const auto each : seconds) values.push_back(of(each));
    return values;
}

std::optional<bool> Result::reached() const {
    if (goal.of == Goal::Of::nothing || (goal.of == Goal::Of::ratio && !ratio)) return std::nullopt;
    const double measured = goal.of == Goal::Of::value ? value.median : ratio->median;
    return goal.at_most ? measured <= goal.number : measured >= goal.number;
}

void Report::begin_case(const std::string& name, const std::string& about) {
    case_ = name;
    if (table_ != nullptr) *table_ << '\n' << name << ": " << about << '\n';
}

void Report::add(Result result) {
    ordered_json entry = {{"case", case_}};
    entry.update(to_json(result));
    results_.push_back(std::move(entry));
    const auto reached = result.reached();
    if (reached && !*reached) ++missed_;
    if (table_ == nullptr) return;
    auto& out = *table_;
    out << "  " << std::left << std::setw(62) << result.what << ' ' << std::setw(30)
        << with_spread(result.value) + (result.unit.empty() ? "" : " " + result.unit);
    if (result.ratio) {
        out << "  " << with_spread(*result.ratio) << " of " << result.baseline;
        if (result.baseline_value) out << " (" << figure(result.baseline_value->median) << ')';
    }
    if (reached) {
        out << "; to reach: " << (result.goal.of == Goal::Of::value ? "" : "ratio ") << (result.goal.at_most ? "<= " : ">= ")
            << figure(result.goal.number) << (*reached ? "" : ", MISSED");
    }
    if (!result.note.empty()) out << "; " << result.note;
    out << std::endl;
}

void Report::compare(Result result, const Unit& unit, const Timing& subject, const Timing& baseline) {
    result.unit = unit.name();
    result.value = spread_of(unit.of(subject.seconds));
    result.baseline = baseline.name;
    result.baseline_value = spread_of(unit.of(baseline.seconds));
    const bool of_rates = result.goal.of == Goal::Of::ratio && !result.goal.at_most;
    result.ratio = of_rates ? ratio_of(baseline.seconds, subject.seconds) : ratio_of(subject.seconds, baseline.seconds);
    add(std::move(result));
}

void Report::single(Result result, const Unit& unit, const Timing& subject) {
    result.unit = unit.name();
    result.value = spread_of(unit.of(subject.seconds));
    add(std::move(result));
}

void Report::skip(const std::string& what, const std::string& why) {
    results_.push_back({{"case", case_}, {"what", what}, {"skipped", why}});
    if (table_ != nullptr) *table_ << "  " << std::left << std::setw(62) << what << " skipped: " << why << std::endl;
}

}  // namespace custody::bench
