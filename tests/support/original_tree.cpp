#include "support/original_tree.hpp"

#include <cstdio>
#include <fstream>

#include "base/sha256.hpp"
#include "support/scratch.hpp"

namespace custody::testing {

namespace fs = std::filesystem;

namespace {

// Where the tree was when it was written: nowhere by now.
constexpr const char* old_base = "/srv/meddeid/artifact_store";

std::string digits(std::uint64_t value, int width) {
    char text[32];
    std::snprintf(text, sizeof text, "%0*llu", width, static_cast<unsigned long long>(value));
    return text;
}

}  // namespace

void write_file(const fs::path& file, const std::string& content) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
}

std::string python_json(const ordered_json& value) {
    if (value.is_object()) {
        std::string text = "{";
        for (const auto& [key, member] : value.items()) {
            if (text.size() > 1) text += ", ";
            text += ordered_json(key).dump(-1, ' ', true) + ": " + python_json(member);
        }
        return text + "}";
    }
    if (value.is_array()) {
        std::string text = "[";
        for (const auto& member : value) {
            if (text.size() > 1) text += ", ";
            text += python_json(member);
        }
        return text + "]";
    }
    return value.dump(-1, ' ', true);
}

OriginalTree::OriginalTree(fs::path root_path) : root(std::move(root_path)) {
    for (const char* folder : {"storage/artifacts", "storage/metadata", "storage/runs", "storage/temp", "audit"}) {
        fs::create_directories(root / folder);
    }
}

std::string OriginalTree::new_id() {
    const auto digest = base::sha256("id " + std::to_string(++ids_)).hex();
    return digest.substr(0, 8) + "-" + digest.substr(8, 4) + "-4" + digest.substr(13, 3) + "-a" + digest.substr(17, 3) + "-" +
           digest.substr(20, 12);
}

std::string OriginalTree::now() {
    const auto second = seconds_++;
    return "2024-" + digits(static_cast<std::uint64_t>(month_), 2) + "-15T" +
           digits(static_cast<std::uint64_t>(8 + second / 3600), 2) + ":" +
           digits(static_cast<std::uint64_t>(second / 60 % 60), 2) + ":" + digits(static_cast<std::uint64_t>(second % 60), 2) +
           (second % 7 == 0 ? "" : "." + digits(static_cast<std::uint64_t>(second * 7919 % 1000000), 6));
}

fs::path OriginalTree::audit_file() const {
    return root / "audit" / ("audit_2024" + digits(static_cast<std::uint64_t>(month_), 2) + ".jsonl");
}

std::string OriginalTree::entry(const std::string& operation, const std::string& action, const ordered_json& artifact_id,
                                const ordered_json& details, bool success, const ordered_json& error_message) {
    entry_ids.push_back(new_id());
    return python_json({{"entry_id", entry_ids.back()},
                        {"timestamp", now()},
                        {"operation", operation},
                        {"artifact_id", artifact_id},
                        {"user", operation == "processing_run" ? ordered_json("researcher_1") : ordered_json(nullptr)},
                        {"module", nullptr},
                        {"action", action},
                        {"details", details},
                        {"success", success},
                        {"error_message", error_message}});
}

void OriginalTree::log(const std::string& operation, const std::string& action, const ordered_json& artifact_id,
                       const ordered_json& details, bool success, const ordered_json& error_message) {
    append(entry(operation, action, artifact_id, details, success, error_message) + "\n");
}

void OriginalTree::append(const std::string& text) const {
    std::ofstream(audit_file(), std::ios::binary | std::ios::app) << text;
}

std::string OriginalTree::start_run(const ordered_json& configuration) {
    const auto run = new_id();
    log("processing_run", "start", nullptr, {{"run_id", run}, {"configuration", configuration}});
    return run;
}

void OriginalTree::end_run(const std::string& run, const std::string& status) {
    log("processing_run", "end", nullptr, {{"run_id", run}, {"status", status}}, status == "completed");
}

std::string OriginalTree::add(const std::string& type, const std::string& content, const Extra& extra) {
    return save(type, content, extra);
}
std::string OriginalTree::add_bare(const std::string& type, const Extra& extra) { return save(type, std::nullopt, extra); }

std::string OriginalTree::save(const std::string& type, const std::optional<std::string>& content, const Extra& extra) {
    const auto id = new_id();
    const auto time = now();
    ordered_json file = {{"artifact_id", id},
                         {"artifact_type", type},
                         {"status", extra.status},
                         {"created_at", time},
                         {"updated_at", extra.status == "pending" ? time : now()},
                         {"source_artifacts", extra.sources},
                         {"processing_module", "video_deid.blur"},
                         {"processing_version", "2.0.0"},
                         {"file_path", nullptr},
                         {"file_size", nullptr},
                         {"checksum", nullptr},
                         {"metadata", extra.metadata},
                         {"error_message", extra.error_message}};
    if (content) {
        const auto below = fs::path("storage/artifacts") / type / (id + "_" + extra.name);
        payloads[id] = root / below;
        write_file(payloads[id], *content);
        file["file_path"] = (old_base / below).string();
        file["file_size"] = content->size();
        file["checksum"] = base::sha256(*content).hex();
    }
    write(id, file);
    if (extra.with_line)
        log("artifact_creation", "create", id, {{"artifact_type", type}, {"source_count", extra.sources.size()}});
    return id;
}

ordered_json OriginalTree::read(const std::string& id) const { return ordered_json::parse(slurp(record(id))); }
void OriginalTree::write(const std::string& id, const ordered_json& file) const {
    write_file(record(id), file.dump(2, ' ', true));
}

BrokenTree::BrokenTree(const fs::path& root) : tree(root) {
    // What is whole: chains of raw, keypoints and de-identified video, and the README's diamond among them.
    std::vector<std::string> raws;
    const auto run = tree.start_run({{"pipeline", "video_deid"}});
    for (int i = 0; i < 325; ++i) {
        const auto text = std::to_string(i);
        const auto raw = tree.add("video_raw", "raw " + text);
        const auto points =
            tree.add("video_keypoints", "points " + text, {.sources = {raw}, .metadata = {{"fps", 30}}, .name = "points.csv"});
        // A file stays pending on the disk for ever.
        tree.add("video_deid", "deid " + text, {.sources = {raw, points}, .status = "pending"});
        raws.push_back(raw);
        artifacts += 3;
        payloads += 3;
        links += 3;
        tree.log("artifact_access", "get_file", raw);
        if (i % 2 == 0)
            tree.log("artifact_update", "update_status", raw, {{"old_status", "completed"}, {"new_status", "in_progress"}});
        if (i == 160) tree.next_month();
    }
    tree.end_run(run, "completed");
    const auto defect = [&](const std::string& name, const std::string& id) { defects[name] = id; };
    const auto bare = [&](const OriginalTree::Extra& extra) {
        ++artifacts;
        return tree.add_bare("metadata", extra);
    };

    defect("unknown source", bare({.sources = {raws[0], "00000000-0000-4000-8000-00000000dead"}}));
    ++links;
    ++left_out;
    const auto selfish = bare({.sources = {raws[1]}});
    auto record = tree.read(selfish);
    record["source_artifacts"].push_back(selfish);
    record["source_artifacts"].push_back(raws[1]);
    tree.write(selfish, record);
    defect("itself and twice", selfish);
    ++links;
    ++left_out;
    const auto older = bare({});
    const auto newer = bare({.sources = {older}});
    record = tree.read(older);
    record["source_artifacts"] = {newer};
    tree.write(older, record);
    defect("cycle", older);
    ++links;
    ++left_out;
    // The kind of a link is in the metadata.
    defect("relationship", bare({.sources = {raws[2], raws[3]}, .metadata = {{"blurred_from_artifacts", {raws[3]}}}}));
    links += 2;

    const auto nan = bare({.metadata = {{"score", "@"}, {"fps", 25}}});
    auto text = slurp(tree.record(nan));
    text.replace(text.find("\"@\""), 3, "NaN");
    write_file(tree.record(nan), text);
    defect("NaN", nan);
    const auto cut = tree.add("log", "cut", {.name = "cut.log"});
    text = slurp(tree.record(cut));
    write_file(tree.record(cut), text.substr(0, text.size() / 2));
    defect("cut record", cut);
    ++fragments;
    left_out += 2;  // the record, and the file that nothing names
    const auto gone = tree.add("log", "gone", {.name = "gone.log"});
    fs::remove(tree.payload(gone));
    defect("missing file", gone);
    ++artifacts;
    ++left_out;
    const auto tampered = tree.add("log", "as it was", {.name = "t.log"});
    write_file(tree.payload(tampered), "as it is!");
    defect("altered file", tampered);
    ++artifacts;
    ++left_out;
    const auto orphan = root / "storage/artifacts/log" / (tree.new_id() + "_orphan.log");
    write_file(orphan, "nobody's");
    defect("orphan", orphan.lexically_relative(root).string());
    ++left_out;
    const auto recovered = tree.add("log", "recovered", {.name = "r.log", .error_message = "codec"});
    defect("message of a recovered failure", recovered);
    const auto failed = tree.add("log", "failed", {.status = "failed", .name = "f.log", .error_message = "codec"});
    defect("failed", failed);
    const auto relative = tree.add("log", "relative", {.name = "rel.log"});
    record = tree.read(relative);
    record["file_path"] = "artifact_store/storage/artifacts/log/" + relative + "_rel.log";
    tree.write(relative, record);
    const auto outside = tree.add("log", "outside", {.name = "out.log"});
    record = tree.read(outside);
    record["file_path"] = "../../../../etc/passwd";
    tree.write(outside, record);
    defect("path outside", outside);
    const auto bare_sum = tree.add("log", "no checksum", {.name = "n.log"});
    record = tree.read(bare_sum);
    record["checksum"] = nullptr;
    tree.write(bare_sum, record);
    defect("no checksum", bare_sum);
    artifacts += 5;
    payloads += 5;
    while (artifacts < 1000) {
        tree.add("log", "filler " + std::to_string(artifacts), {.name = "filler.log"});
        ++artifacts;
        ++payloads;
    }

    // The trail's own defects.
    const auto lost = tree.start_run({{"pipeline", "crashed"}});
    defect("lost run", lost);
    auto half = tree.entry("artifact_creation", "create", raws[0]);
    tree.entry_ids.pop_back();
    half.resize(half.find("\"details\": ") + 11);
    tree.append(half + tree.entry("artifact_access", "get_metadata", raws[0]) + "\n");
    auto glued = tree.entry("artifact_access", "get_metadata", raws[1]);
    glued += tree.entry("artifact_access", "get_metadata", raws[2]) + "\n";
    tree.append(glued);
    tree.append("\n" + half + "\n");
    fragments += 2;
    left_out += 2;
    tree.log("artifact_update", "update_status", raws[0], {{"old_status", "completed"}, {"new_status", "failed"}}, false,
             "codec");
    tree.log("artifact_access", "get_metadata", tree.new_id(), ordered_json::object(), false, "Artifact not found");
    tree.log("artifact_storage", "store", tree.new_id(), {{"source_path", "/in/x.mp4"}}, false,
             "Source file not found: /in/x.mp4");
    while (tree.entry_ids.size() < 3000) tree.log("artifact_access", "get_file", raws[tree.entry_ids.size() % raws.size()]);
    lines = tree.entry_ids.size();
}

}  // namespace custody::testing
