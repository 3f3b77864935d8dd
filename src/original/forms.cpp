// Files of the original's, as Python's json module would write them: ASCII, naive local times, its own order of keys.

#include "original/forms.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "original/lenient_json.hpp"

namespace custody::original {

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;  ///< keys and values as JSON text

std::string quoted(const std::string& text) { return json(text).dump(-1, ' ', true); }
std::string text_or_null(const std::string& text) { return text.empty() ? "null" : quoted(text); }

template <class Ids>
std::string list_of(const Ids& ids, const NameOf& name_of) {
    ordered_json list = ordered_json::array();
    for (const auto& id : ids) list.push_back(name_of(id));
    return list.dump(-1, ' ', true);
}

// JSON text with all that is not ASCII, which stands in strings alone, escaped. Numbers stay as they were written.
std::string in_ascii(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto begin = at;
        while (at < text.size() && static_cast<signed char>(text[at]) < 0) ++at;
        if (at != begin) {
            const auto escaped = quoted(text.substr(begin, at - begin));
            out += escaped.substr(1, escaped.size() - 2);
        } else {
            out += text[at++];
        }
    }
    return out;
}

std::string object_of(const Fields& fields, const std::string& indent, const std::string& end) {
    std::string text = "{";
    for (const auto& [key, value] : fields) {
        if (text.size() > 1) text += ',';
        text.append(indent).append(quoted(key)).append(": ").append(value);
    }
    if (!fields.empty()) text += end;
    return text.append("}");
}

// The list that stands there, and what was linked since then.
std::string with_all(const std::string& told, const std::vector<std::string>& sources) {
    auto list = ordered_json::parse(told);
    if (!list.is_array()) return told;
    for (const auto& source : sources) {
        if (std::find(list.begin(), list.end(), source) == list.end()) list.push_back(source);
    }
    return list.dump(-1, ' ', true);
}

// The original keeps the kind of a link in the metadata, unless it was made with the artifact.
std::string metadata_form(const Artifact& artifact, const NameOf& name_of) {
    const auto object = read_lenient(artifact.metadata_text);
    Fields fields;
    if (object) {
        for (const auto& [key, value] : object->members) fields.emplace_back(key, in_ascii(value));
    }
    std::vector<std::pair<std::string, std::vector<std::string>>> kinds;
    for (const auto& [relationship, source] : artifact.links) {
        auto kind =
            std::find_if(kinds.begin(), kinds.end(), [&, &name = relationship](const auto& each) { return each.first == name; });
        if (kind == kinds.end()) kind = kinds.insert(kinds.end(), {relationship, {}});
        kind->second.push_back(name_of(source));
    }
    // One that was also linked in another way would else be taken for that alone.
    const bool several = artifact.links.size() != artifact.source_artifacts.size();
    for (const auto& [relationship, sources] : kinds) {
        const auto key = relationship + "_artifacts";
        const auto told = std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first == key; });
        if (told != fields.end()) {
            told->second = with_all(told->second, sources);
        } else if (relationship != "derived_from" || several) {
            fields.emplace_back(key, ordered_json(sources).dump(-1, ' ', true));
        }
    }
    return object_of(fields, "\n    ", "\n  ");
}

}  // namespace

bool is_known_type(const ArtifactType& type) {
    static constexpr std::array known = {ArtifactType::video_raw,
                                         ArtifactType::video_keypoints,
                                         ArtifactType::video_deid,
                                         ArtifactType::audio_raw,
                                         ArtifactType::audio_deid,
                                         ArtifactType::audio_phi_intervals,
                                         ArtifactType::audio_transcript,
                                         ArtifactType::text_raw,
                                         ArtifactType::text_deid,
                                         ArtifactType::metadata,
                                         ArtifactType::log};
    return std::find(known.begin(), known.end(), type) != known.end();
}

bool is_known_action(std::string_view operation, std::string_view action) {
    using Pair = std::pair<std::string_view, std::string_view>;
    static constexpr std::array<Pair, 9> known = {Pair{"processing_run", "start"},      {"processing_run", "end"},
                                                  {"artifact_storage", "store"},        {"artifact_creation", "create"},
                                                  {"artifact_update", "update_status"}, {"artifact_access", "get_metadata"},
                                                  {"artifact_access", "get_file"},      {"artifact_link", "create_relationship"},
                                                  {"artifact_cleanup", "remove_old"}};
    return std::find(known.begin(), known.end(), Pair{operation, action}) != known.end();
}

std::string record_form(const Artifact& artifact, const NameOf& name_of, const std::string& file_path, const Zone& zone) {
    const Fields fields = {{"artifact_id", quoted(name_of(artifact.id))},
                           {"artifact_type", quoted(artifact.type.str())},
                           {"status", quoted(std::string(to_string(artifact.status)))},
                           {"created_at", quoted(write_time(artifact.created_at, zone))},
                           {"updated_at", quoted(write_time(artifact.updated_at, zone))},
                           {"source_artifacts", list_of(artifact.source_artifacts, name_of)},
                           {"processing_module", text_or_null(artifact.processing_module)},
                           {"processing_version", text_or_null(artifact.processing_version)},
                           {"file_path", text_or_null(base::to_clean_utf8(file_path))},
                           {"file_size", artifact.file_size ? std::to_string(*artifact.file_size) : "null"},
                           {"checksum", artifact.checksum ? quoted(artifact.checksum->hex()) : "null"},
                           {"metadata", metadata_form(artifact, name_of)},
                           {"error_message", artifact.error_message ? quoted(*artifact.error_message) : "null"}};
    return object_of(fields, "\n  ", "\n");
}

std::string run_form(const RunRecord& run, const NameOf& name_of, const Zone& zone) {
    const auto optional = [](const std::optional<std::string>& text) { return text ? quoted(*text) : std::string("null"); };
    const Fields fields = {{"run_id", quoted(run.id.str())},
                           {"status", quoted(std::string(to_string(run.status)))},
                           {"started_at", quoted(write_time(run.started_at, zone))},
                           {"ended_at", run.ended_at ? quoted(write_time(*run.ended_at, zone)) : "null"},
                           {"end_reason", text_or_null(run.end_reason)},
                           {"configuration", in_ascii(run.configuration_text)},
                           {"user", quoted(run.user)},
                           {"error_message", optional(run.error_message)},
                           {"input_artifacts", list_of(run.inputs, name_of)},
                           {"output_artifacts", list_of(run.outputs, name_of)},
                           {"error_messages", ordered_json(run.errors).dump(-1, ' ', true)}};
    return object_of(fields, "\n  ", "\n");
}

std::string entry_form(const ordered_json& entry, const Zone& zone) {
    Fields fields;
    for (const char* key : {"entry_id", "timestamp", "operation", "artifact_id", "user", "module", "action", "details", "success",
                            "error_message"}) {
        auto value = entry.at(key);
        if (key == std::string_view("timestamp")) value = write_time(Timestamp::parse(value.get<std::string>()), zone);
        // The original has no other place for it.
        if (key == std::string_view("details") && !entry.at("run_id").is_null()) value["run_id"] = entry.at("run_id");
        fields.emplace_back(key, value.dump(-1, ' ', true));
    }
    auto text = object_of(fields, " ", "");
    text.erase(0, 1);
    text.front() = '{';
    return text;
}

}  // namespace custody::original
