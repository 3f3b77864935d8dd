#include "interruption.hpp"

#include <cerrno>

namespace custody::cli {

namespace {

volatile std::sig_atomic_t received = 0;

void remember(int number) {
    if (received == 0) {
        received = number;
        return;
    }
    std::signal(number, SIG_DFL);
    std::raise(number);  // it takes effect when this handler returns
}

void take_over(int number, struct sigaction& before) {
    sigaction(number, nullptr, &before);
    if (before.sa_handler == SIG_IGN) return;
    struct sigaction ours {};
    ours.sa_handler = remember;
    ours.sa_flags = static_cast<int>(SA_RESETHAND);  // and no SA_RESTART: a read that waits is to end
    sigemptyset(&ours.sa_mask);
    sigaction(number, &ours, nullptr);
}

}  // namespace

Interrupted::Interrupted(const std::string& message) : IoError(message, EINTR) {}

Interruption::Interruption(std::string outcome) : outcome_(std::move(outcome)) {
    take_over(SIGINT, before_int_);
    take_over(SIGTERM, before_term_);
    take_over(SIGHUP, before_hup_);
}

Interruption::~Interruption() {
    sigaction(SIGINT, &before_int_, nullptr);
    sigaction(SIGTERM, &before_term_, nullptr);
    sigaction(SIGHUP, &before_hup_, nullptr);
}

void Interruption::check() const {
    if (received != 0) throw Interrupted("interrupted; " + outcome_);
}

int Interruption::signal() noexcept { return received; }

}  // namespace custody::cli
