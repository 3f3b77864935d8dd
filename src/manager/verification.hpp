#pragma once

#include <chrono>
#include <custody/maintenance.hpp>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "manager/manager_impl.hpp"
#include "manager/payload_check.hpp"

namespace custody::manager {

/// One verification. Each step adds to the report; none throws for what it finds.
class Verification {
   public:
    Verification(ManagerImpl& manager, VerifyOptions options) : manager_(manager), options_(std::move(options)) {}

    /// Runs it, and leaves its entry and the times at which payloads were found good, unless the store is altered or damaged, or
    /// can't be written: such a store is left as it is, and the report says so. @throws whatever the progress callback throws
    VerifyReport recorded(audit::Draft& draft);
    /// How often one that is recorded writes down how far it has come, so that another one can go on from there.
    void mark_every(std::chrono::milliseconds time) { between_marks_ = time; }
    /// Runs it, and leaves nothing behind.
    VerifyReport run();

   private:
    using Severity = Finding::Severity;
    /// Whoever follows the progress may stop the verification by an exception: that is no finding.
    struct Stop {
        std::exception_ptr why;
    };

    void add(Severity severity, const std::string& kind, const std::string& subject, const std::string& message);
    void tell(std::uint64_t done);
    template <class Step>
    void step(const char* subject, Step&& body);
    void look(const std::function<void(sqlite::Connection&, std::vector<Finding>&)>& body);

    void check_schema();
    void check_database();
    void check_trail();
    void check_payloads();
    void check_strangers();
    void check_links();
    void check_leftovers();

    [[nodiscard]] bool is_drawn();
    void find_interrupted(sqlite::Connection& connection);
    std::vector<PayloadCheck::Task> choose_payloads();
    bool went_meanwhile(const Digest& digest);
    void judge(const PayloadCheck::Task& task, const PayloadResult& result);

    [[nodiscard]] bool may_write() { return report_.ok() && manager_.database().writable(); }
    bool records_ = false;  ///< whether it leaves its entry
    void mark_good(sqlite::Connection& connection, const Timestamp& now);
    void mark_now_and_then();
    void describe(audit::Draft& draft, const Timestamp& now) const;

    ManagerImpl& manager_;
    VerifyOptions options_;
    VerifyReport report_{};
    std::map<std::string, std::size_t> counts_{};
    std::uint64_t total_bytes_ = 0;
    Timestamp started_at_ = Timestamp::now();  ///< of the verification that this one goes on with, if it does
    std::optional<Timestamp> resumed_since_{};
    std::vector<std::pair<Digest, std::int64_t>> good_{};  ///< hashed, and to be marked
    std::chrono::milliseconds between_marks_ = std::chrono::minutes(1);
    std::chrono::steady_clock::time_point marked_ = std::chrono::steady_clock::now();
    std::size_t touched_ = 0;
    std::string first_touched_{};
    std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace custody::manager
