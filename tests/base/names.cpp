#include <custody/error.hpp>
#include <custody/types.hpp>

#include <doctest/doctest.h>

using namespace custody;

TEST_CASE("names of statuses, sensitivities and outcomes read back as what they name") {
    using enum ArtifactStatus;
    const std::pair<ArtifactStatus, const char*> statuses[] = {
        {pending, "pending"}, {in_progress, "in_progress"}, {completed, "completed"}, {failed, "failed"}, {archived, "archived"}};
    for (const auto& [status, name] : statuses) {
        CHECK(to_string(status) == name);
        CHECK(parse_status(name) == status);
    }
    const std::pair<Sensitivity, const char*> sensitivities[] = {
        {Sensitivity::identified, "identified"}, {Sensitivity::deidentified, "deidentified"}, {Sensitivity::neutral, "neutral"}};
    for (const auto& [sensitivity, name] : sensitivities) {
        CHECK(to_string(sensitivity) == name);
        CHECK(parse_sensitivity(name) == sensitivity);
    }
    const std::pair<Outcome, const char*> outcomes[] = {
        {Outcome::done, "done"}, {Outcome::not_found, "not_found"}, {Outcome::refused, "refused"}, {Outcome::failed, "failed"}};
    for (const auto& [outcome, name] : outcomes) {
        CHECK(to_string(outcome) == name);
        CHECK(parse_outcome(name) == outcome);
    }
    CHECK(to_string(static_cast<ArtifactStatus>(99)) == "unknown");
}

TEST_CASE("other spellings are refused, and the allowed ones named") {
    for (const char* wrong : {"", "Pending", "COMPLETED", "in-progress", " failed", "failed ", "unknown"}) {
        CHECK_THROWS_AS(static_cast<void>(parse_status(wrong)), InvalidArgument);
        CHECK_THROWS_AS(static_cast<void>(parse_sensitivity(wrong)), InvalidArgument);
    }
    CHECK_THROWS_WITH_AS(static_cast<void>(parse_status("done")),
                         "a status must be one of pending, in_progress, completed, failed, archived", InvalidArgument);
    CHECK_THROWS_WITH_AS(static_cast<void>(parse_outcome("ok")), "an outcome must be one of done, not_found, refused, failed",
                         InvalidArgument);
}

TEST_CASE("an artifact type is any well-formed name") {
    CHECK(ArtifactType("video_raw") == ArtifactType::video_raw);
    CHECK(ArtifactType::audio_phi_intervals.name() == "audio_phi_intervals");
    CHECK(ArtifactType("eeg_raw").str() == "eeg_raw");
    CHECK(ArtifactType(std::string(63, 'a')).name() == std::string(63, 'a'));
    CHECK(ArtifactType("a") < ArtifactType("b"));
    CHECK(ArtifactType("a") != ArtifactType("aa"));
    for (const auto& wrong : {std::string(), std::string("VIDEO_RAW"), std::string("video raw"), std::string("../x"),
                              std::string(64, 'a'), std::string("a\0b", 3), std::string(10000, 'a')}) {
        CHECK_THROWS_AS(ArtifactType{wrong}, InvalidArgument);
    }
}
