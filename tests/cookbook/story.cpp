#include "cookbook/story.hpp"

#include <cstdlib>

#include "cookbook/clock.hpp"

namespace custody::testing {

ArtifactManager& Story::as(std::string_view time, const std::string& actor, const std::string& on_behalf_of,
                           const std::string& purpose) {
    manager_.reset();
    stop_clock_at(time);
    const std::string program = actor == "pipeline" ? "blur" : "desk";
    return manager_.emplace(store_,
                            ManagerOptions{.actor = actor, .on_behalf_of = on_behalf_of, .purpose = purpose, .program = program});
}

Artifact Story::make(const std::string& name, const NewArtifact& artifact) {
    auto made = manager_->create_artifact(artifact);
    names_.insert_or_assign(name, made.id.str());
    if (made.checksum) names_.insert_or_assign(name + ".checksum", made.checksum->hex());
    return made;
}

void tell_processing(Story& story) {
    auto& first = story.as("2026-09-02T10:00:00Z", "pipeline", "study 7", "de-identification");
    auto run = first.start_processing_run({{"pipeline", "video_deid"}});
    story.name_run("video_run", run.id());
    const auto raw = story.make("raw_video", {.type = ArtifactType::video_raw,
                                              .content = "a raw video",
                                              .file_name = "visit-1.mp4",
                                              .processing_module = "input_handler",
                                              .metadata = {{"fps", 30}}});
    const auto keypoints = story.make("keypoints", {.type = ArtifactType::video_keypoints,
                                                    .content = "frame,x,y",
                                                    .file_name = "keypoints.csv",
                                                    .source_artifacts = {raw.id},
                                                    .processing_module = "video_deid.keypoints"});
    story.make("released_video", {.type = ArtifactType::video_deid,
                                  .content = "a blurred video",
                                  .file_name = "blurred.mp4",
                                  .source_artifacts = {raw.id, keypoints.id},
                                  .processing_module = "video_deid.blur"});
    stop_clock_at("2026-09-02T10:30:00Z");
    run.end();

    auto& second = story.as("2026-09-03T09:00:00Z", "pipeline");
    const auto audio = story.make("raw_audio", {.type = ArtifactType::audio_raw,
                                                .content = "sound of a raw video",
                                                .file_name = "visit-1.wav",
                                                .source_artifacts = {raw.id},
                                                .relationship = "extracted_from",
                                                .processing_module = "audio"});
    stop_clock_at("2026-09-03T09:10:00Z");
    auto transcription = second.start_processing_run({{"pipeline", "transcription"}});
    story.name_run("transcription_run", transcription.id());
    const auto transcript = story.make("transcript", {.type = ArtifactType::audio_transcript,
                                                      .content = "hello, doctor",
                                                      .file_name = "visit-1.txt",
                                                      .source_artifacts = {audio.id},
                                                      .processing_module = "audio_deid.transcribe"});
    story.make("released_text", {.type = ArtifactType::text_deid,
                                 .content = "hello",
                                 .file_name = "released.txt",
                                 .source_artifacts = {transcript.id},
                                 .processing_module = "text_deid"});
    transcription.end();
}

void tell_broken_chains(Story& story) {
    story.as("2026-09-14T08:00:00Z", "carl");
    const auto orphan = story.make("orphan_release", {.type = ArtifactType::video_deid,
                                                      .content = "a video from nowhere",
                                                      .file_name = "unknown.mp4",
                                                      .processing_module = "by_hand"});
    story.make("cut_release", {.type = ArtifactType::video_deid,
                               .content = "a cut of two videos",
                               .file_name = "cut.mp4",
                               .source_artifacts = {orphan.id, story.id("released_video")},
                               .processing_module = "by_hand"});
    const auto notes = story.make("notes", {.type = ArtifactType::metadata, .metadata = {{"site", 3}}});
    story.make("summary_release", {.type = ArtifactType::text_deid,
                                   .content = "a summary",
                                   .file_name = "summary.txt",
                                   .source_artifacts = {notes.id},
                                   .processing_module = "by_hand"});
    story.make("log_file", {.type = ArtifactType::log, .content = "started", .file_name = "site.log"});
}

void tell_ended_runs(Story& story, const std::string& this_program) {
    auto& failing = story.as("2026-09-05T11:00:00Z", "pipeline");
    auto run = failing.start_processing_run({{"pipeline", "video_deid"}});
    story.name_run("failed_run", run.id());
    const auto raw = story.make("second_video", {.type = ArtifactType::video_raw,
                                                 .content = "another raw video",
                                                 .file_name = "visit-2.mp4",
                                                 .processing_module = "input_handler"});
    const auto keypoints = story.make("second_keypoints", {.type = ArtifactType::video_keypoints,
                                                           .content = "frame",
                                                           .file_name = "keypoints.csv",
                                                           .source_artifacts = {raw.id},
                                                           .processing_module = "video_deid.keypoints",
                                                           .status = ArtifactStatus::pending});
    stop_clock_at("2026-09-05T11:05:00Z");
    failing.update_artifact_status(keypoints.id, ArtifactStatus::in_progress);
    stop_clock_at("2026-09-05T11:20:00Z");
    failing.update_artifact_status(keypoints.id, ArtifactStatus::failed, "codec not supported");
    run.end(ArtifactStatus::failed, "keypoints stopped after 12 frames");

    auto& leaving = story.as("2026-09-06T09:00:00Z", "pipeline");
    story.name_run("abandoned_run", leaving.start_processing_run({{"pipeline", "video_deid"}}).id());
    story.leave();

    // A process that dies in a run; the next opener finds it.
    if (std::system((this_program + " die-in-run '" + story.store().string() + "' 2026-09-10T09:00:00Z").c_str()) != 0) {
        throw std::logic_error("the process that was to die in its run did not get there");
    }
    auto& finder = story.as("2026-09-10T12:00:00Z", "anna");
    for (const auto& found : finder.list_runs({.status = ArtifactStatus::failed})) {
        if (found.end_reason == "lost") story.name_run("lost_run", found.id);
    }
    auto short_lived = finder.start_processing_run({{"pipeline", "by hand"}}, {.time_to_live = std::chrono::hours(1)});
    story.name_run("expired_run", short_lived.id());
    short_lived.detach();
    story.as("2026-09-12T08:00:00Z", "anna");
}

}  // namespace custody::testing
