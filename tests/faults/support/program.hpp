#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace custody::faults {

/// The command line of a harness: --name and --name=value, and nothing else.
class CommandLine {
   public:
    CommandLine(int argc, char** argv, const char* usage) {
        for (int i = 1; i < argc; ++i) {
            const std::string word = argv[i];
            if (!word.starts_with("--") || word == "--help") {
                std::cerr << usage;
                std::exit(word == "--help" ? 0 : 2);
            }
            const auto equals = word.find('=');
            given_[word.substr(2, equals == std::string::npos ? equals : equals - 2)] =
                equals == std::string::npos ? "" : word.substr(equals + 1);
        }
    }
    [[nodiscard]] bool has(const std::string& name) const { return given_.contains(name); }
    [[nodiscard]] std::string text(const std::string& name) const { return has(name) ? given_.at(name) : ""; }
    [[nodiscard]] std::uint64_t number(const std::string& name, std::uint64_t otherwise) const {
        return has(name) ? std::stoull(given_.at(name)) : otherwise;
    }

   private:
    std::map<std::string, std::string> given_;
};

/// What went wrong, printed as it comes, and counted.
class Verdicts {
   public:
    void add(const std::string& where, const std::vector<std::string>& problems) {
        const std::lock_guard lock(mutex_);
        for (const auto& problem : problems) {
            if (++count_ <= most_printed) std::cout << "WRONG " << where << ": " << problem << std::endl;
        }
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }
    /// A line of its own, also where several threads have something to say.
    void say(const std::string& line) {
        const std::lock_guard lock(mutex_);
        std::cout << line << std::endl;
    }
    /// The exit code of a harness.
    [[nodiscard]] int finish() const {
        std::cout << count_ << " problems" << std::endl;
        return count_ == 0 ? 0 : 1;
    }

   private:
    static constexpr std::uint64_t most_printed = 50;
    std::mutex mutex_;
    std::uint64_t count_ = 0;
};

/// Does `body` for each of the numbers below `count`, a few at a time.
template <class Body>
void in_parallel(std::size_t count, const Body& body) {
    std::atomic<std::size_t> next{0};
    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < std::clamp(std::thread::hardware_concurrency(), 1U, 8U); ++i) {
        workers.emplace_back([&] {
            for (auto at = next++; at < count; at = next++) body(at);
        });
    }
}

/// The exit code by which ctest knows that a test was skipped.
inline int skip(const std::string& why) {
    std::cout << "skipped: " << why << std::endl;
    return 77;
}

}  // namespace custody::faults
