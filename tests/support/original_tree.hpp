#pragma once

#include <cstdint>
#include <custody/json.hpp>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace custody::testing {

/// Writes a store of the original system, byte for byte as that would: naive local times, Python's JSON, absolute paths of
/// where it once was. Ids and times come from counters, so that the same calls make the same tree.
class OriginalTree {
   public:
    explicit OriginalTree(std::filesystem::path root);

    struct Extra {
        std::vector<std::string> sources{};
        std::string status = "completed";
        ordered_json metadata = ordered_json::object();
        std::string name = "clip.mp4";
        ordered_json error_message = nullptr;
        bool with_line = true;  ///< the entry of its creation
    };
    /// An artifact with a file; answers its id.
    std::string add(const std::string& type, const std::string& content, const Extra& extra);
    std::string add(const std::string& type, const std::string& content) { return add(type, content, Extra{}); }
    /// An artifact of metadata alone.
    std::string add_bare(const std::string& type, const Extra& extra);

    /// One entry of the trail as one line of JSON.
    [[nodiscard]] std::string entry(const std::string& operation, const std::string& action, const ordered_json& artifact_id,
                                    const ordered_json& details = ordered_json::object(), bool success = true,
                                    const ordered_json& error_message = nullptr);
    /// The same, written to the running month's file.
    void log(const std::string& operation, const std::string& action, const ordered_json& artifact_id,
             const ordered_json& details = ordered_json::object(), bool success = true,
             const ordered_json& error_message = nullptr);
    /// Text to the end of that file, as it is.
    void append(const std::string& text) const;
    /// Ids of runs.
    std::string start_run(const ordered_json& configuration);
    void end_run(const std::string& run, const std::string& status);

    [[nodiscard]] std::string new_id();
    /// The next moment, a second after the last.
    [[nodiscard]] std::string now();
    void next_month() { ++month_; }

    [[nodiscard]] std::filesystem::path record(const std::string& id) const { return root / "storage/metadata" / (id + ".json"); }
    [[nodiscard]] std::filesystem::path payload(const std::string& id) const { return payloads.at(id); }
    [[nodiscard]] std::filesystem::path audit_file() const;
    /// The record, to be changed and written back.
    [[nodiscard]] ordered_json read(const std::string& id) const;
    void write(const std::string& id, const ordered_json& record) const;

    std::filesystem::path root;
    std::map<std::string, std::filesystem::path> payloads{};  ///< by artifact
    std::vector<std::string> entry_ids{};

   private:
    std::string save(const std::string& type, const std::optional<std::string>& content, const Extra& extra);
    std::uint64_t ids_ = 0;
    std::int64_t seconds_ = 0;
    int month_ = 1;
};

/// Writes a file, its folders made.
void write_file(const std::filesystem::path& file, const std::string& content);
/// JSON as Python's json.dumps() writes it: a space after each comma and colon.
std::string python_json(const ordered_json& value);

/// What a thousand artifacts and three thousand lines with every defect of the original's come to.
struct BrokenTree {
    explicit BrokenTree(const std::filesystem::path& root);
    OriginalTree tree;
    std::uint64_t artifacts = 0;                   ///< that can come over
    std::uint64_t payloads = 0;                    ///< of them
    std::uint64_t links = 0;                       ///< that hold
    std::uint64_t lines = 0;                       ///< entries that parse
    std::uint64_t fragments = 0;                   ///< of lines and records that don't
    std::uint64_t left_out = 0;                    ///< remarks of that kind
    std::map<std::string, std::string> defects{};  ///< what was broken → id of the artifact, or place
};

}  // namespace custody::testing
