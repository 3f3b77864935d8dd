#pragma once

#include <csignal>
#include <string>

#include <custody/error.hpp>

namespace custody::cli {

/// The work was ended by a signal. One of the library's own errors, so that it records the failure and cleans up.
class Interrupted : public IoError {
   public:
    explicit Interrupted(const std::string& message);
};

/// While one lives, the first SIGINT, SIGTERM or SIGHUP is only remembered, for the work to end in good order; a second one kills
/// at once. A signal that was ignored from the start stays so (nohup, `&` in a script).
class Interruption {
   public:
    /// `outcome` says what an interruption leaves: "nothing was added".
    explicit Interruption(std::string outcome);
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;
    ~Interruption();

    /// @throws Interrupted where a signal has come
    void check() const;
    /// The signal that has come, or 0.
    static int signal() noexcept;

   private:
    std::string outcome_;
    struct sigaction before_int_ {};
    struct sigaction before_term_ {};
    struct sigaction before_hup_ {};
};

}  // namespace custody::cli
