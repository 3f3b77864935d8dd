#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace custody::base {

/// Runs `work` on items by several threads, while the calling thread makes them and takes them back in order. As many items are
/// under way at once as keep the threads busy, so memory is bounded. One item alone is worked on by the caller.
/// What any step throws comes through, after the threads have ended.
///
/// produce(Item&) answers false where there is no more; work(Item&) runs anywhere; consume(Item&) runs in order in the caller.
template <class Item, class Produce, class Work, class Consume>
void in_order(Produce&& produce, Work&& work, Consume&& consume) {
    auto first = std::make_unique<Item>();
    if (!produce(*first)) return;
    auto second = std::make_unique<Item>();
    if (!produce(*second)) {
        work(*first);
        consume(*first);
        return;
    }

    struct Task {
        std::unique_ptr<Item> item;
        bool taken = false;
        bool done = false;
        std::exception_ptr failure;
    };
    std::mutex mutex;
    std::condition_variable moves;
    std::deque<std::shared_ptr<Task>> tasks;
    bool closed = false;
    const auto run = [&] {
        std::unique_lock lock(mutex);
        for (;;) {
            const auto free = std::find_if(tasks.begin(), tasks.end(), [](const auto& task) { return !task->taken; });
            if (free == tasks.end()) {
                if (closed) return;
                moves.wait(lock);
                continue;
            }
            const auto task = *free;
            task->taken = true;
            lock.unlock();
            try {
                work(*task->item);
            } catch (...) {
                task->failure = std::current_exception();
            }
            lock.lock();
            task->done = true;
            moves.notify_all();
        }
    };
    struct Threads {
        std::mutex& mutex;
        std::condition_variable& moves;
        bool& closed;
        std::vector<std::thread> all{};
        ~Threads() {
            {
                const std::lock_guard lock(mutex);
                closed = true;
            }
            moves.notify_all();
            for (auto& thread : all) thread.join();
        }
    };
    const auto count = std::clamp(std::thread::hardware_concurrency(), 2U, 16U);
    Threads threads{mutex, moves, closed};
    for (unsigned i = 0; i < count; ++i) threads.all.emplace_back(run);

    const auto add = [&](std::unique_ptr<Item> item) {
        const std::lock_guard lock(mutex);
        tasks.push_back(std::make_shared<Task>(Task{std::move(item), false, false, nullptr}));
        moves.notify_all();
    };
    const auto take = [&] {
        std::shared_ptr<Task> task;
        {
            std::unique_lock lock(mutex);
            moves.wait(lock, [&] { return tasks.front()->done; });
            task = tasks.front();
            tasks.pop_front();
        }
        if (task->failure) std::rethrow_exception(task->failure);
        consume(*task->item);
    };
    std::size_t under_way = 2;
    add(std::move(first));
    add(std::move(second));
    for (;;) {
        auto item = std::make_unique<Item>();
        if (!produce(*item)) break;
        add(std::move(item));
        if (++under_way > 3 * count) {
            take();
            --under_way;
        }
    }
    for (; under_way > 0; --under_way) take();
}

}  // namespace custody::base
