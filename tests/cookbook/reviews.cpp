// The later chapters: people read, hold, try what is refused, and remove.
#include <array>

#include "cookbook/clock.hpp"
#include "cookbook/story.hpp"

namespace custody::testing {

namespace {

void read_all(PayloadStream stream) {
    std::array<std::byte, 64> buffer{};
    while (stream.read(buffer) > 0) {
    }
}

}  // namespace

void tell_first_reads(Story& story) {
    (void)story.as("2026-09-30T23:59:59Z", "ben").get_artifact_file(story.id("raw_video"));
    auto& anna = story.as("2026-10-05T09:00:00Z", "anna", "Dr. Weber", "quality check");
    (void)anna.get_artifact_file(story.id("raw_video"));
    (void)anna.get_artifact(story.id("raw_video"));
}

void tell_last_reads(Story& story) {
    auto& ben = story.as("2026-10-31T23:59:59Z", "ben");
    (void)ben.checkout(story.id("second_video"), story.store().parent_path() / "checked-out.mp4");
    read_all(ben.open_payload(story.id("released_video")));
    (void)story.as("2026-11-01T00:00:00Z", "anna").get_artifact_file(story.id("raw_video"));
}

void tell_refusals(Story& story) {
    auto& carl = story.as("2026-10-12T08:00:00Z", "carl");
    (void)carl.list_artifacts({.type = ArtifactType::video_raw});
    stop_clock_at("2026-10-13T10:00:00Z");
    must_fail([&] {
        (void)carl.create_artifact({.type = ArtifactType::video_deid,
                                    .content = "a raw video",
                                    .file_name = "blurred.mp4",
                                    .source_artifacts = {story.id("raw_video")}});
    });
    stop_clock_at("2026-10-13T10:05:00Z");
    must_fail([&] { (void)carl.create_artifact({.type = ArtifactType::log, .metadata = {{"patient_name", "A. Nobody"}}}); });
    stop_clock_at("2026-10-13T10:10:00Z");
    must_fail([&] { (void)carl.start_processing_run({{"note", "SSN 219-09-9999"}}); });
    stop_clock_at("2026-10-14T10:00:00Z");
    must_fail([&] {
        (void)carl.link_artifacts(
            {.source_artifact_ids = {story.id("released_video")}, .output_artifact_id = story.id("raw_video")});
    });
    stop_clock_at("2026-10-15T10:00:00Z");
    const auto unknown = ArtifactId::parse("00000000-0000-4000-8000-000000000000");
    must_fail([&] { (void)carl.update_artifact_status(unknown, ArtifactStatus::failed, "no such file"); });
    must_fail([&] { (void)carl.create_artifact({.type = ArtifactType::log, .source_path = story.store() / "missing.log"}); });
}

void tell_overrides(Story& story) {
    story.as("2026-10-20T10:00:00Z", "ben", "", "test pattern without a person");
    story.make("pattern", {.type = ArtifactType::video_raw, .content = "colour bars", .file_name = "bars.mp4"});
    story.make("released_pattern", {.type = ArtifactType::video_deid,
                                    .content = "colour bars",
                                    .file_name = "bars.mp4",
                                    .source_artifacts = {story.id("pattern")},
                                    .allow_identified_release = true});
    stop_clock_at("2026-10-20T10:05:00Z");
    story.make("address_notes",
               {.type = ArtifactType::metadata, .metadata = {{"contact", "office@example.org"}}, .allow_phi_metadata = true});
}

void tell_holds(Story& story) {
    auto& anna = story.as("2026-10-21T09:00:00Z", "anna");
    anna.add_hold(story.id("raw_video"), "audit of site 3");
    anna.add_hold(story.id("raw_audio"), "complaint 12");
    story.as("2026-10-28T09:00:00Z", "ben").remove_hold(story.id("raw_audio"), "complaint settled");
}

void tell_removals(Story& story) {
    auto& ben = story.as("2026-11-10T18:00:00Z", "ben", "data office", "retention");
    (void)ben.cleanup_old_artifacts({.older_than_days = 60, .type = ArtifactType::video_keypoints});
    auto& anna = story.as("2026-11-12T09:00:00Z", "anna");
    anna.update_artifact_status(story.id("released_text"), ArtifactStatus::archived);
    stop_clock_at("2026-11-12T09:30:00Z");
    anna.update_artifact_status(story.id("released_text"), ArtifactStatus::completed);
    (void)anna.sql("SELECT count(*) FROM review_releases");
    stop_clock_at("2026-11-13T09:00:00Z");
    (void)anna.set_retention(ArtifactType::log, {.days = 60, .reason = "SOP 12"});
    (void)anna.set_retention(ArtifactType::video_raw, {.days = 60, .when_descendants_completed = true});
    (void)story.as("2026-11-15T03:00:00Z", "night job").collect_garbage();
}

void tell_what_goes_on(Story& story) {
    auto& pipeline = story.as("2026-11-19T20:00:00Z", "pipeline");
    auto running = pipeline.start_processing_run({{"pipeline", "audio_deid"}}, {.time_to_live = std::chrono::hours(24 * 30)});
    story.name_run("open_run", running.id());
    story.make("open_audio", {.type = ArtifactType::audio_deid,
                              .source_artifacts = {story.id("raw_audio")},
                              .processing_module = "audio_deid.silence",
                              .status = ArtifactStatus::pending});
    running.detach();
}

}  // namespace custody::testing
