// The video component of the example pipeline. It takes a video into the store, finds regions in it, and stores the regions and a
// video in which they are blurred. It is an example of a component, not of de-identification: its detector knows some colours.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <custody/artifact_manager.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "media.hpp"
#include "regions.hpp"

namespace {

using custody::ArtifactStatus;
using custody::ArtifactType;
using namespace example;

struct Settings {
    std::filesystem::path store{};
    std::filesystem::path video{};
    std::filesystem::path work{};
    std::string frames_per_second = "25";  ///< as ffmpeg writes it: 25, 30000/1001
    std::optional<custody::RunId> run{};   ///< joins this run; else makes one of its own
};

double as_number(const std::string& rate) {
    char* rest = nullptr;
    const double number = std::strtod(rate.c_str(), &rest);
    const double divisor = *rest == '/' ? std::strtod(rest + 1, nullptr) : 1.0;
    return number > 0 && divisor > 0 ? number / divisor : throw StepFailed("no frame rate: " + rate);
}

// A video that ends too early must not pass for a whole one: -xerror makes ffmpeg stop at the first thing that it can't read.
std::vector<std::string> read_video(const std::filesystem::path& video) { return {"-xerror", "-i", "file:" + video.string()}; }

Keypoints find_keypoints(const Settings& settings, const std::filesystem::path& video) {
    auto arguments = read_video(video);
    for (const auto* word : {"-map", "0:v:0", "-vf"}) arguments.emplace_back(word);
    arguments.push_back("fps=" + settings.frames_per_second);
    for (const auto* word : {"-f", "image2pipe", "-c:v", "ppm", "-"}) arguments.emplace_back(word);
    Ffmpeg ffmpeg(arguments, Ffmpeg::Direction::we_read, settings.work / "keypoints.log");
    Keypoints found;
    while (const auto frame = ffmpeg.read_frame()) {
        found.width = frame->width;
        found.height = frame->height;
        found.frames.push_back(find_regions(*frame));
    }
    ffmpeg.finish("keypoints stopped after " + std::to_string(found.frames.size()) + " frames");
    if (found.frames.empty()) throw StepFailed("the video has no frames");
    return found;
}

void blur(const Settings& settings, const std::filesystem::path& video, const Keypoints& keypoints,
          const std::filesystem::path& output) {
    auto arguments = read_video(video);
    const auto& rate = settings.frames_per_second;
    for (const auto* word : {"-f", "image2pipe", "-framerate"}) arguments.emplace_back(word);
    arguments.push_back(rate);
    for (const auto* word : {"-c:v", "pgm", "-i", "-", "-filter_complex"}) arguments.emplace_back(word);
    const auto strength = std::to_string(std::max(8, keypoints.height / 12));
    // Planes of gbrp are merged alike by a grey mask. H.264 wants even sides.
    arguments.push_back("[0:v:0]fps=" + rate + ",setpts=N/(" + rate + ")/TB,format=gbrp,split[clear][other];[other]gblur=sigma=" +
                        strength + ":steps=3[blurred];[1:v]setpts=N/(" + rate + ")/TB,format=gbrp[mask];" +
                        "[clear][blurred][mask]maskedmerge,pad=ceil(iw/2)*2:ceil(ih/2)*2,format=yuv420p[out]");
    for (const auto* word : {"-map", "[out]", "-map_metadata", "-1", "-c:v", "libx264", "-preset", "veryfast"}) {
        arguments.emplace_back(word);
    }
    arguments.push_back(output);
    Ffmpeg ffmpeg(arguments, Ffmpeg::Direction::we_write, settings.work / "blur.log");
    for (const auto& regions : keypoints.frames) {
        if (!ffmpeg.write_mask(keypoints.width, keypoints.height, mask_of(regions, keypoints.width, keypoints.height))) break;
    }
    ffmpeg.finish("blurring");
}

// One line for the caller's script: what was made, and its id.
void tell(const custody::Artifact& artifact) {
    std::printf("%s %s\n", artifact.type.str().c_str(), artifact.id.str().c_str());
    std::fflush(stdout);
}

void de_identify(custody::ArtifactManager& manager, const Settings& settings, const custody::RunId& run) {
    const auto raw = manager.create_artifact({.type = ArtifactType::video_raw,
                                              .source_path = settings.video,
                                              .processing_module = "input_handler",
                                              .processing_version = custody::version(),
                                              .metadata = {{"frames_per_second", settings.frames_per_second}},
                                              .run = run});
    tell(raw);
    manager.update_artifact_status(raw.id, ArtifactStatus::in_progress);
    try {
        // What is worked on is the store's copy, and the trail says that it was read.
        const auto video = manager.get_artifact_file(raw.id).value();
        const auto keypoints = find_keypoints(settings, video);
        write_csv(keypoints, as_number(settings.frames_per_second), settings.work / "keypoints.csv");
        const auto csv = manager.create_artifact({.type = ArtifactType::video_keypoints,
                                                  .source_path = settings.work / "keypoints.csv",
                                                  .source_artifacts = {raw.id},
                                                  .processing_module = "video_deid.keypoints",
                                                  .metadata = {{"total_frames", keypoints.frames.size()}, {"model", "colour"}},
                                                  .run = run});
        tell(csv);
        blur(settings, video, keypoints, settings.work / "blurred.mp4");
        const auto blurred = manager.create_artifact({.type = ArtifactType::video_deid,
                                                      .source_path = settings.work / "blurred.mp4",
                                                      .source_artifacts = {raw.id},
                                                      .processing_module = "video_deid.blur",
                                                      .metadata = {{"blur_method", "gaussian"}},
                                                      .run = run,
                                                      .transfer = custody::Transfer::move});
        manager.link_artifacts({.source_artifact_ids = {csv.id}, .output_artifact_id = blurred.id, .relationship = "guided_by"});
        tell(blurred);
        manager.update_artifact_status(raw.id, ArtifactStatus::completed);
    } catch (const std::exception& error) {
        manager.update_artifact_status(raw.id, ArtifactStatus::failed, error.what());
        throw;
    }
}

Settings read_arguments(int argc, char** argv) {
    if (argc < 4) throw StepFailed("usage: custody_example_component STORE VIDEO WORK_FOLDER [FRAMES_PER_SECOND [RUN]]");
    Settings settings{.store = argv[1], .video = argv[2], .work = argv[3]};
    if (argc > 4) settings.frames_per_second = argv[4];
    if (argc > 5) settings.run = custody::RunId::parse(argv[5]);
    return settings;
}

void work(const Settings& settings) {
    custody::ArtifactManager manager(settings.store,
                                     {.actor = "video_team", .purpose = "de-identification", .program = "video_deid"});
    if (settings.run) return de_identify(manager, settings, *settings.run);
    auto run = manager.start_processing_run({{"pipeline", "video_deid"}});
    std::printf("run %s\n", run.id().str().c_str());
    std::fflush(stdout);
    try {
        de_identify(manager, settings, run.id());
        run.end(ArtifactStatus::completed);
    } catch (const std::exception& error) {
        run.end(ArtifactStatus::failed, error.what());
        throw;
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // an ffmpeg that gives up must not end us
    try {
        work(read_arguments(argc, argv));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "video component: %s\n", error.what());
        return 1;
    }
    return 0;
}
