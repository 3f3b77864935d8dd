// What a verification costs: payloads against hashing as many bytes, on one core and on all; rows against the trail.

#include <algorithm>
#include <custody/artifact_manager.hpp>
#include <stdexcept>
#include <thread>

#include "base/sha256.hpp"
#include "bench/cases/cases.hpp"
#include "bench/harness/child.hpp"
#include "manager/payload_check.hpp"

namespace custody::bench {

namespace {

using manager::PayloadCheck;
using manager::PayloadResult;

/// As many bytes, out of memory, by so many threads.
void hash_alone(std::size_t bytes, unsigned threads) {
    std::vector<std::thread> all;
    for (unsigned i = 0; i < threads; ++i) {
        all.emplace_back([=] {
            const std::string buffer(std::size_t{1} << 20U, 'x');
            base::Sha256 sha256;
            for (std::size_t done = 0; done < bytes / threads; done += buffer.size()) sha256.update(buffer);
            (void)sha256.finish();
        });
    }
    for (auto& thread : all) thread.join();
}

std::vector<PayloadCheck::Task> make_payloads(blobs::BlobStore& blobs, std::size_t count, std::size_t bytes) {
    std::vector<PayloadCheck::Task> tasks;
    for (std::size_t i = 0; i < count; ++i) {
        std::string content(bytes, static_cast<char>('a' + i));
        auto staged = blobs.stage_bytes(content);
        blobs.publish(staged, false);
        tasks.push_back({{staged.digest(), staged.size_bytes(), true, staged.mtime_ns(), Timestamp::now()}, true});
    }
    return tasks;
}

void check(const blobs::BlobStore& blobs, const std::vector<PayloadCheck::Task>& tasks, unsigned threads) {
    PayloadCheck(blobs, tasks, threads)
        .run(
            [](const auto&, const PayloadResult& result) {
                if (result.state != PayloadResult::State::good) throw std::runtime_error("a payload was not found good");
            },
            [](std::uint64_t) {});
}

}  // namespace

void verify_payloads(World& world, Report& report) {
    constexpr std::size_t bytes = std::size_t{16} << 20U;
    const auto folder = world.fresh("payloads");
    blobs::BlobStore blobs(folder, blobs::Modes{});
    blobs.create();
    const auto count = std::min<std::size_t>(32, world.scaled(800, 1));
    const auto tasks = make_payloads(blobs, count, bytes);
    const auto total = static_cast<double>(count * bytes);
    const auto processors = std::max(1U, std::thread::hardware_concurrency());
    for (const unsigned threads : {1U, processors}) {
        const auto times = in_turns(world.rounds(11), {{"hashing alone", [&] { hash_alone(count * bytes, threads); }},
                                                       {"verify", [&] { check(blobs, tasks, threads); }}});
        report.compare({.what = "verify payloads by " + std::to_string(threads) + (threads == 1 ? " thread" : " threads"),
                        .goal = world.scale >= 0.01 ? Goal::time_at_most(1.15) : Goal::none(),
                        .parameters = {{"bytes", total}, {"threads", static_cast<double>(threads)}}},
                       Unit::megabytes_per_second(total), times[1], times[0]);
        if (processors == 1) break;
    }
}

void verify_rows(World& world, Report& report) {
    const auto built = world.store(world.scaled(1000000, 200));
    std::vector<double> seconds, peaks;
    for (int round = 0; round < world.rounds(3); ++round) {
        const auto ended = metered({world.command, "--store", built.path, "verify", "--quiet"});
        seconds.push_back(ended.seconds);
        peaks.push_back(ended.peak_mib);
    }
    const std::map<std::string, double> parameters = {{"artifacts", static_cast<double>(built.artifacts)},
                                                      {"entries", static_cast<double>(entries_of(built.path))}};
    report.add(
        {.what = "custody verify of every row and entry", .unit = "s", .value = spread_of(seconds), .parameters = parameters});
    report.add({.what = "its peak memory", .unit = "MiB", .value = spread_of(peaks), .parameters = parameters});
}

}  // namespace custody::bench
