// How long `custody list` takes for its first page as a store grows: whole processes, start included, against the same
// command on a store with one page only.
//
// usage: bench_list_page CUSTODY_COMMAND FOLDER [ARTIFACTS]

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <custody/artifact_manager.hpp>
#include <iostream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

void fill(const std::filesystem::path& store, std::size_t count) {
    custody::ArtifactManager manager(store, {.actor = "bench"});
    const custody::ArtifactType types[] = {custody::ArtifactType::metadata, custody::ArtifactType::log,
                                           custody::ArtifactType::video_keypoints};
    constexpr std::size_t batch_size = 5000;
    const auto begin = Clock::now();
    for (std::size_t done = manager.get_statistics().total_artifacts; done < count; done += batch_size) {
        std::vector<custody::NewArtifact> batch;
        for (std::size_t i = 0; i < std::min(batch_size, count - done); ++i) {
            batch.push_back({.type = types[i % 3], .processing_module = "bench", .metadata = {{"frame", done + i}}});
        }
        (void)manager.create_artifacts(batch);
    }
    const std::chrono::duration<double> seconds = Clock::now() - begin;
    std::cerr << "filled " << count << " artifacts in " << seconds.count() << " s\n";
}

double median_ms(const std::string& command, int runs) {
    std::vector<double> times;
    for (int i = 0; i < runs; ++i) {
        const auto begin = Clock::now();
        if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
        times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::cerr << "usage: bench_list_page CUSTODY_COMMAND FOLDER [ARTIFACTS]\n";
        return 2;
    }
    const std::size_t count = argc > 3 ? std::stoull(argv[3]) : 1000000;
    const std::filesystem::path folder = argv[2];
    fill(folder / "small", 100);
    fill(folder / "large", count);
    for (const char* filter : {"", "--type log", "--status completed", "--type log --status completed"}) {
        const auto command = [&](const char* store) {
            return std::string(argv[1]) + " --store " + (folder / store).string() + " list " + filter + " >/dev/null 2>&1";
        };
        const auto small = median_ms(command("small"), 15);
        const auto large = median_ms(command("large"), 15);
        std::cout << "list " << filter << ": " << large << " ms at " << count << " artifacts, " << small << " ms at 100, ratio "
                  << large / small << '\n';
    }
    return 0;
}
