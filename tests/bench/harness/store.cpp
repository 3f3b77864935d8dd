#include "bench/harness/store.hpp"

#include <algorithm>
#include <custody/artifact_manager.hpp>

#include "bench/harness/raw_sqlite.hpp"

namespace custody::bench {

namespace {

constexpr std::size_t fan_batch = 1000;
constexpr std::size_t some_count = 1000;

/// Three types and three statuses, in all combinations.
NewArtifact wanted(std::size_t number) {
    static const ArtifactType types[] = {ArtifactType::metadata, ArtifactType::log, ArtifactType::video_keypoints};
    constexpr ArtifactStatus statuses[] = {ArtifactStatus::completed, ArtifactStatus::in_progress, ArtifactStatus::pending};
    return {.type = types[number % 3],
            .processing_module = "bench",
            .metadata = {{"fps", 30}, {"frames", number}, {"model", "yolo-pose"}},
            .status = statuses[number / 3 % 3]};
}

std::vector<ArtifactId> add_batch(ArtifactManager& manager, std::size_t first, std::size_t count,
                                  const std::vector<ArtifactId>& last) {
    std::vector<NewArtifact> batch;
    for (std::size_t i = 0; i < count; ++i) {
        batch.push_back(wanted(first + i));
        if (last.size() > 1) batch.back().source_artifacts = {last[2 * i % last.size()], last[(2 * i + 1) % last.size()]};
    }
    std::vector<ArtifactId> ids;
    for (const auto& artifact : manager.create_artifacts(batch)) {
        ids.push_back(artifact.id);
        for (int reads = 0; reads < 2; ++reads) (void)manager.get_artifact(artifact.id);
    }
    return ids;
}

std::vector<ArtifactId> ids_of(const std::filesystem::path& store, const std::string& query) {
    RawSqlite raw(store / "storage/catalog.db", RawSqlite::Open::read_only);
    std::vector<ArtifactId> ids;
    auto rows = raw.prepare(query);
    while (rows.step()) ids.push_back(ArtifactId::parse(rows.text(0)));
    return ids;
}

}  // namespace

std::size_t level_width(std::size_t artifacts) { return std::clamp<std::size_t>(artifacts / 100, 2, 10000); }

Built build_store(const std::filesystem::path& path, std::size_t artifacts) {
    {
        ArtifactManager manager(path, {.actor = "bench"});
        std::vector<ArtifactId> last;  // of a store that is there but not whole, the next level begins anew
        for (auto done = static_cast<std::size_t>(manager.get_statistics().total_artifacts); done < artifacts;) {
            last = add_batch(manager, done, std::min(level_width(artifacts), artifacts - done), last);
            done += last.size();
        }
    }
    Built built{path, artifacts, {}, {}};
    const auto step = std::max<std::size_t>(1, artifacts / some_count);
    const auto all = "SELECT artifact_id FROM artifacts WHERE artifact_key <= " + std::to_string(artifacts);
    built.some = ids_of(path, all + " AND artifact_key % " + std::to_string(step) + " = 0");
    built.last = ids_of(path, all + " ORDER BY artifact_key DESC LIMIT 10");
    return built;
}

ArtifactId chain_of(const std::filesystem::path& store, std::size_t length) {
    ArtifactManager manager(store, {.actor = "bench"});
    // A repeated key answers what is there: a chain that was made before is walked to its end.
    std::vector<ArtifactId> source;
    for (std::size_t i = 0; i < length; ++i) {
        const auto made = manager.create_artifact({.type = ArtifactType::metadata,
                                                   .source_artifacts = source,
                                                   .processing_module = "bench.chain",
                                                   .request_key = "chain/" + std::to_string(i)});
        source = {made.id};
    }
    return source.at(0);
}

ArtifactId fan_of(const std::filesystem::path& store, std::size_t width) {
    ArtifactManager manager(store, {.actor = "bench"});
    const NewArtifact centre = {
        .type = ArtifactType::metadata, .processing_module = "bench.fan", .request_key = "fan/" + std::to_string(width)};
    const auto id = manager.create_artifact(centre).id;
    const auto had = manager.get_artifact(id)->source_artifacts.size();
    for (std::size_t done = had; done < width;) {
        const std::vector<NewArtifact> batch(std::min(fan_batch, width - done),
                                             {.type = ArtifactType::metadata, .processing_module = "bench.fan"});
        std::vector<ArtifactId> sources;
        for (const auto& artifact : manager.create_artifacts(batch)) sources.push_back(artifact.id);
        done += manager.link_artifacts({.source_artifact_ids = sources, .output_artifact_id = id});
    }
    return id;
}

std::size_t entries_of(const std::filesystem::path& store) {
    RawSqlite raw(store / "storage/catalog.db", RawSqlite::Open::read_only);
    auto rows = raw.prepare("SELECT max(seq) FROM audit_entries");
    rows.step();
    return static_cast<std::size_t>(rows.integer(0));
}

}  // namespace custody::bench
