#pragma once

#include <custody/json.hpp>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/harness/measure.hpp"
#include "bench/harness/statistics.hpp"

namespace custody::bench {

/// How seconds become the figure that is shown.
class Unit {
   public:
    static Unit seconds() { return {"s", 1, false}; }
    static Unit microseconds_each(double count) { return {"us", 1e6 / count, false}; }
    static Unit milliseconds_each(double count) { return {"ms", 1e3 / count, false}; }
    static Unit per_second(double count) { return {"1/s", count, true}; }
    static Unit megabytes_per_second(double bytes) { return {"MB/s", bytes / 1e6, true}; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] double of(double seconds) const { return rate_ ? factor_ / seconds : factor_ * seconds; }
    [[nodiscard]] std::vector<double> of(const std::vector<double>& seconds) const;

   private:
    Unit(std::string name, double factor, bool rate) : name_(std::move(name)), factor_(factor), rate_(rate) {}
    std::string name_;
    double factor_;
    bool rate_;
};

/// What is to be reached, if anything.
struct Goal {
    enum class Of { nothing, value, ratio };
    Of of = Of::nothing;
    bool at_most = true;
    double number = 0;
    static Goal none() { return {}; }
    static Goal value_at_most(double number) { return {Of::value, true, number}; }
    static Goal value_at_least(double number) { return {Of::value, false, number}; }
    /// Time, at most so many times that of the baseline.
    static Goal time_at_most(double number) { return {Of::ratio, true, number}; }
    /// Rate, at least so many times that of the baseline.
    static Goal rate_at_least(double number) { return {Of::ratio, false, number}; }
};

/// One line of the results.
struct Result {
    std::string what;
    std::string unit;
    Spread value{};
    Goal goal{};
    std::string baseline{};  ///< what the ratio is to; empty: none
    std::optional<Spread> baseline_value{};
    std::optional<Spread> ratio{};
    std::map<std::string, double> parameters{};  ///< artifacts, bytes, threads, …
    std::string series{};                        ///< what is the same in lines that differ by a parameter alone, for a plot
    std::string note{};
    /// nullopt where there is nothing to be reached.
    [[nodiscard]] std::optional<bool> reached() const;
};

/// Takes the results as they come: a table for people at once, an array for programs at the end.
class Report {
   public:
    /// `table` may be null: nothing is shown.
    explicit Report(std::ostream* table) : table_(table) {}
    void begin_case(const std::string& name, const std::string& about);
    void add(Result result);
    /// A subject against its baseline, round by round.
    void compare(Result result, const Unit& unit, const Timing& subject, const Timing& baseline);
    /// One figure without a baseline.
    void single(Result result, const Unit& unit, const Timing& subject);
    /// What can't be measured here, and why.
    void skip(const std::string& what, const std::string& why);
    [[nodiscard]] ordered_json results() const { return results_; }
    /// Goals that were missed.
    [[nodiscard]] std::size_t missed() const { return missed_; }

   private:
    std::ostream* table_;
    std::string case_{};
    ordered_json results_ = ordered_json::array();
    std::size_t missed_ = 0;
};

}  // namespace custody::bench
