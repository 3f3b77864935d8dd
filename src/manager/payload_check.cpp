#include "manager/payload_check.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <custody/error.hpp>
#include <exception>
#include <mutex>
#include <thread>

namespace custody::manager {

namespace {

using std::chrono::milliseconds;

constexpr unsigned most_threads = 256;
constexpr milliseconds between_tellings{100};
// Results that nobody has taken yet; small payloads come faster than locks are worth.
constexpr std::size_t handed_over_at_once = 64;

struct Stopped {};

// What the threads share.
struct Work {
    std::atomic<std::size_t> next{0};
    std::atomic<std::uint64_t> done_bytes{0};
    std::atomic<bool> stop{false};
    std::mutex mutex{};
    std::condition_variable moves{};
    std::vector<std::pair<std::size_t, PayloadResult>> results{};  // by number of the task
    std::size_t running = 0;
    std::exception_ptr failure{};
};

PayloadResult look(const blobs::BlobStore& blobs, const PayloadCheck::Task& task, Work& work) {
    using State = PayloadResult::State;
    PayloadResult result;
    try {
        const auto stat = blobs.stat(task.row.digest);
        if (!stat) return {.state = State::missing};
        result.mtime_ns = stat->mtime_ns;
        result.size_bytes = stat->size_bytes;
        if (stat->size_bytes != task.row.size_bytes) {
            result.state = State::wrong_size;
            return result;
        }
        if (!task.to_hash) return result;
        std::uint64_t before = 0;
        const bool good = blobs.matches(task.row.digest, [&](std::uint64_t done) {
            work.done_bytes += done - before;
            before = done;
            if (work.stop) throw Stopped{};
        });
        result.hashed = true;
        if (!good) result.state = State::wrong_content;
    } catch (const Error& error) {
        result.state = State::unreadable;
        result.message = error.what();
    }
    return result;
}

void work_on(const blobs::BlobStore& blobs, const std::vector<PayloadCheck::Task>& tasks, Work& work) {
    std::vector<std::pair<std::size_t, PayloadResult>> own;
    const auto hand_over = [&] {
        const std::lock_guard lock(work.mutex);
        for (auto& result : own) work.results.push_back(std::move(result));
        own.clear();
        work.moves.notify_one();
    };
    std::exception_ptr failure;
    try {
        for (auto i = work.next++; i < tasks.size() && !work.stop; i = work.next++) {
            own.emplace_back(i, look(blobs, tasks[i], work));
            if (own.size() >= handed_over_at_once || tasks[i].row.size_bytes > (1U << 20U)) hand_over();
        }
    } catch (const Stopped&) {
        // What was under way is not told of.
    } catch (...) {
        failure = std::current_exception();
        work.stop = true;
    }
    try {
        hand_over();
    } catch (...) {  // no memory for them
        failure = std::current_exception();
        work.stop = true;
    }
    const std::lock_guard lock(work.mutex);
    if (failure) work.failure = failure;
    --work.running;
    work.moves.notify_one();
}

// Stops and awaits the threads, whatever happens.
class Threads {
   public:
    explicit Threads(Work& work) : work_(work) {}
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;
    ~Threads() {
        work_.stop = true;
        for (auto& thread : all_) thread.join();
    }
    template <class Body>
    void start(Body&& body) {
        ++work_.running;
        try {
            all_.emplace_back(std::forward<Body>(body));
        } catch (...) {
            --work_.running;
            throw;
        }
    }

   private:
    Work& work_;
    std::vector<std::thread> all_{};
};

}  // namespace

PayloadCheck::PayloadCheck(const blobs::BlobStore& blobs, std::vector<Task> tasks, unsigned threads)
    : blobs_(blobs), tasks_(std::move(tasks)) {
    // The largest first, so that no thread is left with one at the end while the others have nothing to do.
    std::stable_sort(tasks_.begin(), tasks_.end(),
                     [](const Task& a, const Task& b) { return a.row.size_bytes > b.row.size_bytes; });
    const auto wanted = threads == 0 ? std::max(1U, std::thread::hardware_concurrency()) : threads;
    threads_ = static_cast<unsigned>(std::clamp<std::size_t>(tasks_.size(), 1, std::min(wanted, most_threads)));
}

std::uint64_t PayloadCheck::total_bytes() const {
    std::uint64_t total = 0;
    for (const auto& task : tasks_) total += task.to_hash ? task.row.size_bytes : 0;
    return total;
}

void PayloadCheck::run(const std::function<void(const Task&, const PayloadResult&)>& use,
                       const std::function<void(std::uint64_t)>& tell) {
    Work work;
    Threads threads(work);
    std::unique_lock lock(work.mutex);
    for (unsigned i = 0; i < threads_; ++i) threads.start([&] { work_on(blobs_, tasks_, work); });
    for (bool running = true; running;) {
        work.moves.wait_for(lock, between_tellings, [&] { return work.running == 0; });
        running = work.running != 0;
        auto results = std::move(work.results);
        work.results.clear();
        lock.unlock();
        for (const auto& [index, result] : results) use(tasks_[index], result);
        tell(work.done_bytes);
        lock.lock();
    }
    lock.unlock();
    if (work.failure) std::rethrow_exception(work.failure);
}

}  // namespace custody::manager
