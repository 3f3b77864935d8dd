// What the import and the export of an original store are tried on, and what must hold of them.
#include "faults/support/original.hpp"

#include "base/sha256.hpp"

namespace custody::faults {

namespace fs = std::filesystem;

// A store of the original's: a file, what was made of it, a run, and three entries.
void write_original(const World& world) {
    const auto id = [](char digit) { return "0000000" + std::string(1, digit) + "-0000-4000-8000-000000000000"; };
    const std::string content(50000, 'o');
    const auto record = [&](char digit, const json& more) {
        json fields = {{"artifact_id", id(digit)},
                       {"artifact_type", "log"},
                       {"status", "completed"},
                       {"created_at", "2024-01-15T10:00:00"},
                       {"updated_at", "2024-01-15T10:00:01"},
                       {"metadata", json::object()}};
        fields.update(more);
        spill(world.outside("tree/storage/metadata/" + id(digit) + ".json"), fields.dump(2));
    };
    for (const char* folder : {"storage/artifacts/log", "storage/metadata", "audit"}) {
        fs::create_directories(world.outside("tree") / folder);
    }
    const auto file = "storage/artifacts/log/" + id('1') + "_a.log";
    spill(world.outside("tree") / file, content);
    record('1', {{"file_path", file}, {"file_size", content.size()}, {"checksum", base::sha256(content).hex()}});
    record('2', {{"source_artifacts", {id('1')}}});
    std::string lines;
    for (const auto& [action, operation] :
         {std::pair("start", "processing_run"), {"end", "processing_run"}, {"get_file", "artifact_access"}}) {
        lines += json{{"entry_id", std::string("entry ") + action},
                      {"timestamp", "2024-01-15T10:00:02"},
                      {"operation", operation},
                      {"action", action},
                      {"details", {{"run_id", id('9')}}},
                      {"success", true}}
                     .dump() +
                 "\n";
    }
    spill(world.outside("tree/audit/audit_202401.jsonl"), lines);
}

// What was acknowledged is there, and comes over once.
void check_original(const World& world, bool acknowledged, Problems& problems) {
    ArtifactManager manager(world.store(), opening());
    const auto again = manager.import_original(world.outside("tree"), {.timezone = "UTC", .dry_run = true});
    const auto left = again.artifacts + again.links + again.runs + again.audit_entries;
    if (acknowledged && left != 0) problems.emplace_back("an import was acknowledged, and not all of it is there");
}

// The tree has its name when it is whole.
void check_exported(const World& world, bool acknowledged, Problems& problems) {
    std::error_code ignored;
    if (!fs::exists(world.outside("tree"), ignored)) {
        if (acknowledged) problems.emplace_back("an export was acknowledged, and not there");
        return;
    }
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(world.outside("tree"))) files += entry.is_regular_file() ? 1 : 0;
    if (files < 6) problems.emplace_back("an exported tree is not whole: " + std::to_string(files) + " files");
}

}  // namespace custody::faults
