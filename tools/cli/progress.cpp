#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "output.hpp"

namespace custody::cli {

namespace {

constexpr std::chrono::milliseconds between_draws{100};
constexpr std::chrono::milliseconds patience{300};
constexpr std::uint64_t large_bytes = 16ULL << 20U;
constexpr std::uint64_t large_items = 1000;
constexpr std::size_t bar_width = 24;

bool on_terminal() {
    const char* term = std::getenv("TERM");
    return isatty(STDERR_FILENO) == 1 && (term == nullptr || std::strcmp(term, "dumb") != 0);
}

std::string duration_text(double seconds) {
    const auto whole = std::llround(std::min(seconds, 3.6e8));
    const auto hours = whole / 3600;
    const auto minutes = whole / 60 % 60;
    return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60) : fmt::format("{}:{:02}", minutes, whole % 60);
}

}  // namespace

ProgressBar::ProgressBar(const Session& session, std::string label, Unit unit, std::string interrupted)
    : interruption_(std::move(interrupted)), label_(std::move(label)), unit_(unit), enabled_(!session.quiet && on_terminal()) {}

ProgressBar::~ProgressBar() {
    if (visible_) std::fputs("\r\033[K", stderr);
}

Progress ProgressBar::callback() {
    return [this](std::uint64_t done, std::uint64_t total) {
        interruption_.check();
        if (enabled_) show(done, total);
    };
}

void ProgressBar::show(std::uint64_t done, std::uint64_t total) {
    const auto now = Clock::now();
    const auto elapsed = now - begun_;
    if (!visible_) {
        const bool large = total >= (unit_ == Unit::bytes ? large_bytes : large_items);
        if (!large && elapsed < patience) return;
    } else if (now - drawn_ < between_draws && done != total) {
        return;
    }
    visible_ = true;
    drawn_ = now;
    const auto text = line(done, total, std::chrono::duration<double>(elapsed).count());
    std::fputs(fmt::format("\r{}\033[K", text).c_str(), stderr);
    std::fflush(stderr);
}

std::string ProgressBar::line(std::uint64_t done, std::uint64_t total, double elapsed_s) const {
    const auto amount = [&](std::uint64_t value) { return unit_ == Unit::bytes ? size_text(value) : fmt::format("{}", value); };
    const double rate = elapsed_s > 0.001 ? static_cast<double>(done) / elapsed_s : 0;
    const auto rate_text = unit_ == Unit::bytes ? size_text(static_cast<std::uint64_t>(rate)) : fmt::format("{:.0f}", rate);
    if (total == 0) return fmt::format("{} {}, {}/s", label_, amount(done), rate_text);
    const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const auto filled = static_cast<std::size_t>(part * static_cast<double>(bar_width));
    const auto bar = std::string(filled, '#') + std::string(bar_width - filled, '.');
    auto text = fmt::format("{} [{}] {:3.0f}%  {} of {}, {}/s", label_, bar, part * 100, amount(done), amount(total), rate_text);
    if (rate > 0) text += fmt::format(", {} left", duration_text(static_cast<double>(total - std::min(done, total)) / rate));
    return text;
}

}  // namespace custody::cli
