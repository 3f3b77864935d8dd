#include "sqlite/write_queue.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <ctime>
#include <thread>
#include <utility>

namespace custody::sqlite {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto check_interval = std::chrono::milliseconds(20);    // how often a waiter looks whether the holder died
constexpr auto longest_standstill = std::chrono::seconds(1);      // without progress; SQLite's lock decides then
constexpr auto longest_watch = std::chrono::milliseconds(1);      // more than a sync mostly takes
constexpr auto longest_turn = std::chrono::milliseconds(5);       // of one process, with all that it keeps its turn for
constexpr auto longest_absence = std::chrono::microseconds(100);  // from a turn that is kept
constexpr auto poll_interval = std::chrono::microseconds(250);    // how often the others look whether the holder stays away
// So often back at once, in half of that: a turn that is kept for nobody costs the others their time.
constexpr int often = 4;
constexpr std::uint32_t nobody = 0;           // is aside; else the ticket after the holder's
constexpr std::int32_t longest_line = 65536;  // more than this between two counters is nonsense

// Bytes 32 and up stand for tickets; the counters' own bytes are never locked.
off_t byte_of(std::uint32_t ticket) { return 32 + static_cast<off_t>(ticket); }

// The address of the counter itself: the kernel compares and waits there.
std::uint32_t* word(std::atomic<std::uint32_t>& counter) { return reinterpret_cast<std::uint32_t*>(&counter); }

// Whoever waits for a ticket is woken when it is served, and nobody else: with eight writers, seven woke up for each commit.
std::uint32_t bit_of(std::uint32_t ticket) { return std::uint32_t{1} << ticket % 32; }

void futex_wait(std::atomic<std::uint32_t>& counter, std::uint32_t seen, std::uint32_t ticket, Clock::time_point until) {
    const auto time = until.time_since_epoch();  // of CLOCK_MONOTONIC, as the kernel's
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    const timespec absolute{static_cast<time_t>(seconds.count()),
                            static_cast<long>(std::chrono::nanoseconds(time - seconds).count())};
    ::syscall(SYS_futex, word(counter), FUTEX_WAIT_BITSET, seen, &absolute, nullptr, bit_of(ticket));
}

void futex_wake(std::atomic<std::uint32_t>& counter, std::uint32_t ticket) {
    ::syscall(SYS_futex, word(counter), FUTEX_WAKE_BITSET, INT_MAX, nullptr, nullptr, bit_of(ticket));
}

struct flock range(std::uint32_t ticket, short kind) {
    struct flock lock {};
    lock.l_type = kind;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte_of(ticket);
    lock.l_len = 1;
    return lock;
}

}  // namespace

WriteQueue::WriteQueue(const std::filesystem::path& file, unsigned mode) noexcept {
    static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
    file_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
    if (file_ < 0) return;
    struct stat status {};
    if (::fstat(file_, &status) != 0) return;
    if (status.st_uid == ::geteuid()) (void)::fchmod(file_, mode);  // whatever the umask
    // Really there, not a hole: on a full disk the first touch of a mapped hole is a SIGBUS.
    if (::posix_fallocate(file_, 0, sizeof(Shared)) != 0) return;
    void* mapped = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    if (mapped != MAP_FAILED) shared_ = static_cast<Shared*>(mapped);
}

WriteQueue::~WriteQueue() {
    if (shared_ != nullptr) ::munmap(shared_, sizeof(Shared));
    if (file_ >= 0) ::close(file_);
}

bool WriteQueue::lock_byte(std::uint32_t ticket, bool exclusive) noexcept {
    auto lock = range(ticket, exclusive ? F_WRLCK : F_RDLCK);
    return ::fcntl(file_, F_OFD_SETLK, &lock) == 0;
}

void WriteQueue::unlock_byte(std::uint32_t ticket) noexcept {
    auto lock = range(ticket, F_UNLCK);
    (void)::fcntl(file_, F_OFD_SETLK, &lock);
}

bool WriteQueue::holder_is_gone(std::uint32_t ticket) noexcept {
    auto lock = range(ticket, F_WRLCK);
    return ::fcntl(file_, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

// While the holder syncs, next in line: awake, which is 5 % more for eight writers than to get up then. Whether it is served.
bool WriteQueue::watch(std::uint32_t ticket) noexcept {
    static const bool has_cores = std::thread::hardware_concurrency() > 1;
    const auto until = Clock::now() + longest_watch;
    const auto is_next = [&] { return shared_->serving.load() + 1 == ticket && shared_->ending.load() + 1 == ticket; };
    while (has_cores && is_next() && Clock::now() < until) ::sched_yield();
    return shared_->serving.load() == ticket;
}

// Waits until `ticket` is served. False where it was passed over (its byte was not locked yet when somebody looked) or patience
// ended.
bool WriteQueue::await(std::uint32_t ticket, Patience patience) noexcept {
    auto last_seen = shared_->serving.load();
    auto last_progress = Clock::now();
    bool passing = false;  // one that is gone seldom stands alone: the next in line is looked at without a pause
    for (;;) {
        const auto serving = shared_->serving.load();
        if (serving == ticket) return true;
        if (static_cast<std::int32_t>(serving - ticket) > 0) return false;
        const auto now = Clock::now();
        if (serving != last_seen) {
            last_seen = serving;
            last_progress = now;
        }
        if (now - last_progress > longest_standstill || patience.is_over()) return false;
        if (watch(ticket)) return true;
        const bool is_kept = serving + 1 == ticket && shared_->kept.load() == serving && now - last_progress < check_interval;
        const Clock::duration pause = is_kept ? poll_interval : Clock::duration(check_interval);
        if (!passing) futex_wait(shared_->serving, serving, ticket, std::min(now + pause, patience.deadline()));
        passing = shared_->serving.load() == serving && (take_over(serving) || (!is_kept && holder_is_gone(serving)));
        if (!passing) continue;
        auto expected = serving;
        if (shared_->serving.compare_exchange_strong(expected, serving + 1)) futex_wake(shared_->serving, serving + 1);
    }
}

// Counters that no line of writers can have come to (a damaged file) start anew; nobody stands between them.
void WriteQueue::mend() noexcept {
    auto serving = shared_->serving.load();
    const auto waiting = static_cast<std::int32_t>(shared_->drawn.load() - serving);
    if (waiting >= 0 && waiting <= longest_line) return;
    (void)shared_->serving.compare_exchange_strong(serving, shared_->drawn.load());
}

WriteQueue::Turn WriteQueue::wait(const Patience& patience) noexcept {
    if (shared_ == nullptr) return {nullptr, 0};
    soon_back_ = Clock::now() - left_ < longest_absence / 2 ? std::min(soon_back_ + 1, often) : 0;
    if (take_up_again()) return {this, *std::exchange(aside_, std::nullopt)};
    mend();
    const auto ticket = shared_->drawn.fetch_add(1);
    if (!lock_byte(ticket, true)) return {nullptr, 0};
    if (await(ticket, patience)) {
        begun_ = Clock::now();
        return {this, ticket};
    }
    unlock_byte(ticket);
    return {nullptr, 0};
}

bool WriteQueue::is_young() const noexcept { return Clock::now() - begun_ < longest_turn; }

// A turn is kept where somebody waits; where nobody does, whoever comes goes ahead at once.
void WriteQueue::end_soon(std::uint32_t ticket) noexcept {
    is_kept_ = soon_back_ == often && is_young() && shared_->drawn.load() != ticket + 1;
    auto& said = is_kept_ ? shared_->kept : shared_->ending;
    if (said.exchange(ticket) != ticket) futex_wake(shared_->serving, ticket + 1);
}

void WriteQueue::leave(std::uint32_t ticket) noexcept {
    left_ = Clock::now();
    if (!std::exchange(is_kept_, false) || !is_young()) return pass(ticket);
    aside_ = ticket;
    shared_->aside.store(ticket + 1);
}

void WriteQueue::pass(std::uint32_t ticket) noexcept {
    auto expected = ticket;
    (void)shared_->serving.compare_exchange_strong(expected, ticket + 1);
    unlock_byte(ticket);
    futex_wake(shared_->serving, ticket + 1);
}

// The holder that stepped aside and whoever wants to take over agree by this counter: one of them sets it to nobody.
bool WriteQueue::take_up_again() noexcept {
    if (!aside_) return false;
    auto expected = *aside_ + 1;
    if (shared_->aside.compare_exchange_strong(expected, nobody)) return true;
    unlock_byte(*aside_);
    aside_.reset();
    return false;
}

bool WriteQueue::take_over(std::uint32_t ticket) noexcept {
    const auto until = Clock::now() + longest_absence;
    auto expected = ticket + 1;
    while (shared_->aside.load() == expected) {
        if (Clock::now() >= until) return shared_->aside.compare_exchange_strong(expected, nobody);
        ::sched_yield();
    }
    return false;
}

void WriteQueue::Turn::ends_soon() noexcept {
    if (queue_ != nullptr) queue_->end_soon(ticket_);
}

WriteQueue::Turn::Turn(Turn&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)), ticket_(other.ticket_) {}

WriteQueue::Turn::~Turn() {
    if (queue_ != nullptr) queue_->leave(ticket_);
}

}  // namespace custody::sqlite
