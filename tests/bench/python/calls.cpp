// What single calls cost in C++, for calls.py, which asks the same of the Python package.
// usage: bench_calls STORE ROUNDS

#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <custody/artifact_manager.hpp>
#include <functional>

static double cpu_us() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

int main(int argc, char** argv) {
    using namespace custody;
    if (argc != 3) return 2;
    const auto rounds = std::strtol(argv[2], nullptr, 10);
    ArtifactManager manager(argv[1]);
    const auto source = manager.create_artifact({.type = ArtifactType::metadata, .metadata = {{"fps", 30}}});
    const auto made = manager.create_artifact({.type = ArtifactType::log,
                                               .content = "x",
                                               .source_artifacts = {source.id},
                                               .metadata = {{"fps", 30}, {"model", "yolo"}}});
    const auto time = [&](const char* name, long count, const std::function<void()>& call) {
        const auto begun = cpu_us();
        for (long i = 0; i < count; ++i) call();
        std::printf("%s %.2f\n", name, (cpu_us() - begun) / static_cast<double>(count));
    };
    for (long n = 0; n < 60; ++n) {
        (void)manager.create_artifact({.type = ArtifactType::text_raw, .metadata = {{"n", n}}});
    }
    time("get_artifact", rounds, [&] { (void)manager.get_artifact(made.id); });
    time("list_artifacts(limit=1)", rounds, [&] { (void)manager.list_artifacts({.type = ArtifactType::text_raw, .limit = 1}); });
    time("get_artifact_lineage", rounds, [&] { (void)manager.get_artifact_lineage(made.id); });
    time("get_statistics", rounds, [&] { (void)manager.get_statistics(); });
    time("get_artifact_file", rounds / 10, [&] { (void)manager.get_artifact_file(made.id); });
    time("create_artifact", rounds / 10, [&] {
        (void)manager.create_artifact({.type = ArtifactType::text_raw, .metadata = {{"fps", 30}}});
    });
}
