// A component of a pipeline: takes a transcript into the store, replaces numbers in it, and keeps both with their lineage.
#include <cstdio>
#include <custody/artifact_manager.hpp>
#include <exception>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

using custody::ArtifactStatus;
using custody::ArtifactType;

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: redact STORE TRANSCRIPT\n");
        return 2;
    }
    try {
        custody::ArtifactManager manager(argv[1], {.actor = "redactor", .program = "redact"});
        auto run = manager.start_processing_run({{"pipeline", "text_deid"}});
        const auto raw = manager.create_artifact({
            .type = ArtifactType::audio_transcript,
            .source_path = argv[2],
            .processing_module = "redact",
        });

        std::ifstream file(manager.get_artifact_file(raw.id).value());
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        const auto redacted = manager.create_artifact({
            .type = ArtifactType::text_deid,
            .content = std::regex_replace(text, std::regex("[0-9]+"), "[number]"),
            .file_name = "transcript_deid.txt",
            .source_artifacts = {raw.id},
            .processing_module = "redact",
            .metadata = {{"rules", 1}},
        });
        run.end(ArtifactStatus::completed);
        std::printf("%s\n%s", redacted.id.str().c_str(),
                    custody::to_tree(manager.get_artifact_lineage(redacted.id).value()).c_str());
    } catch (const custody::Error& error) {
        std::fprintf(stderr, "redact: %s\n", error.what());
        return 1;
    }
    return 0;
}
