#pragma once

#include <algorithm>
#include <chrono>
#include <functional>

namespace custody::sqlite {

using Deadline = std::chrono::steady_clock::time_point;

/// How long a writer waits for the others: until its deadline, or until whoever called wants to wait no longer.
class Patience {
   public:
    explicit Patience(Deadline deadline) : deadline_(deadline) {}
    Patience(Deadline deadline, const std::function<bool()>& stop_waiting) : deadline_(deadline) {
        if (stop_waiting) stop_waiting_ = &stop_waiting;
    }

    /// To be asked again and again while one waits; the caller is asked every so often.
    [[nodiscard]] bool is_over() noexcept {
        const auto now = std::chrono::steady_clock::now();
        if (now >= deadline_) return true;
        if (now < next_look_) return false;
        next_look_ = now + between_looks;
        return is_stopped();
    }
    /// A caller's function that throws says so, too: there is nobody here to catch it.
    [[nodiscard]] bool is_stopped() const noexcept {
        try {
            return stop_waiting_ != nullptr && (*stop_waiting_)();
        } catch (...) {
            return true;
        }
    }
    [[nodiscard]] Deadline deadline() const noexcept { return deadline_; }
    /// So long may be slept before it is asked again.
    [[nodiscard]] Deadline next_look() const noexcept {
        return stop_waiting_ == nullptr ? deadline_ : std::min(deadline_, next_look_);
    }

   private:
    static constexpr std::chrono::milliseconds between_looks{20};
    Deadline deadline_;
    Deadline next_look_ = std::chrono::steady_clock::now() + between_looks;
    const std::function<bool()>* stop_waiting_ = nullptr;
};

}  // namespace custody::sqlite
