#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace custody::base {

/// Threads that work on items, and give them back in the order in which they came. Whoever waits for an item works too, so as
/// many threads as the machine has processors are busy, the caller's own among them.
template <class Item, class Work>
class Crew {
   public:
    explicit Crew(Work& work) : work_(work) {
        const auto count = std::clamp(std::thread::hardware_concurrency(), 2U, 16U) - 1;
        try {
            for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this] { run(); });
        } catch (const std::system_error&) {
            // The system has no more of them: whoever waits for an item works, so it goes on with fewer, or none.
        }
    }
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;
    ~Crew() {
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
        }
        ready_.notify_all();
        for (auto& thread : threads_) thread.join();
    }

    /// How many items may be under way: enough that nobody waits for another's processor, few enough to bound memory.
    [[nodiscard]] std::size_t capacity() const { return 4 * threads_.size() + 8; }

    void add(std::unique_ptr<Item> item) {
        {
            const std::lock_guard lock(mutex_);
            tasks_.push_back({std::move(item), false, false, nullptr});
        }
        ready_.notify_one();
    }

    /// The first item of those that were added, worked on. @throws what its work threw
    std::unique_ptr<Item> take() {
        std::unique_lock lock(mutex_);
        while (!tasks_.front().done) {
            if (auto* const task = next()) {
                work_on(*task, lock);
            } else {
                done_.wait(lock);
            }
        }
        auto first = std::move(tasks_.front());
        tasks_.pop_front();
        if (first.failure) std::rethrow_exception(first.failure);
        return std::move(first.item);
    }

   private:
    struct Task {
        std::unique_ptr<Item> item;
        bool taken = false;
        bool done = false;
        std::exception_ptr failure;
    };

    // Stays where it is until it is done: a deque moves nothing when its ends change.
    Task* next() {
        const auto free = std::find_if(tasks_.begin(), tasks_.end(), [](const auto& task) { return !task.taken; });
        return free == tasks_.end() ? nullptr : &*free;
    }

    void work_on(Task& task, std::unique_lock<std::mutex>& lock) {
        task.taken = true;
        lock.unlock();
        try {
            work_(*task.item);
        } catch (...) {
            task.failure = std::current_exception();
        }
        lock.lock();
        task.done = true;
    }

    void run() {
        std::unique_lock lock(mutex_);
        while (!closed_) {
            if (auto* const task = next()) {
                work_on(*task, lock);
                done_.notify_one();
            } else {
                ready_.wait(lock);
            }
        }
    }

    Work& work_;
    std::mutex mutex_{};
    std::condition_variable ready_{};  ///< a task can be taken, or it is over
    std::condition_variable done_{};   ///< a thread has finished one
    std::deque<Task> tasks_{};
    bool closed_ = false;
    std::vector<std::thread> threads_{};
};

/// Runs `work` on items by several threads, while the calling thread makes them and takes them back in order. As many items are
/// under way at once as keep the threads busy, so memory is bounded. One item alone is worked on by the caller.
/// What any step throws comes through, after the threads have ended.
///
/// produce(Item&) answers false where there is no more; work(Item&) runs anywhere; consume(Item&) runs in order in the caller.
template <class Item, class Produce, class Work, class Consume>
void in_order(Produce&& produce, Work&& work, Consume&& consume) {
    auto first = std::make_unique<Item>();
    if (!produce(*first)) return;
    auto item = std::make_unique<Item>();
    if (!produce(*item)) {
        work(*first);
        consume(*first);
        return;
    }
    Crew<Item, std::remove_reference_t<Work>> crew(work);
    std::size_t under_way = 2;
    crew.add(std::move(first));
    crew.add(std::move(item));
    for (;;) {
        item = std::make_unique<Item>();
        if (!produce(*item)) break;
        crew.add(std::move(item));
        if (++under_way > crew.capacity()) {
            consume(*crew.take());
            --under_way;
        }
    }
    for (; under_way > 0; --under_way) consume(*crew.take());
}

}  // namespace custody::base
