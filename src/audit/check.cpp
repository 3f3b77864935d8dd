#include "audit/check.hpp"

#include <optional>
#include <set>
#include <tuple>

#include "audit/table.hpp"
#include "base/canonical_json.hpp"
#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

void check_openings(sqlite::Connection& connection, const StoredEntry& entry, const json& line, const Complaint& complain) {
    for (const auto& [pointer, text] : texts_of(connection, entry.seq, line)) {
        const json::json_pointer at(pointer);
        if (!line.contains(at) || line.at(at) != base::commit_text(text.salt, text.text)) {
            complain(entry.seq, "text_altered", "the text at " + pointer + " is not the one that the entry commits to");
        }
    }
}

void check_line(sqlite::Connection& connection, const StoredEntry& entry, const Complaint& complain) {
    try {
        const auto line = json::parse(entry.line);
        if (!line.is_object() || base::canonical_json(line) != entry.line) {
            complain(entry.seq, "entry_altered", "the line is not canonical JSON");
        } else if (line.value("seq", std::int64_t{0}) != entry.seq) {
            complain(entry.seq, "entry_altered", "the line says another number than its row");
        } else {
            check_openings(connection, entry, line, complain);
        }
    } catch (const std::exception&) {
        complain(entry.seq, "entry_altered", "the line is damaged");
    }
}

// What the trail says an artifact is.
struct Replayed {
    bool created = false;
    json create;
    std::string status;
    bool removed = false;
    std::set<std::pair<std::string, std::string>> links;  // relationship, source
    json error_message;                                   // as the last change of status has it: null, or a commitment
    std::optional<std::string> error_text;                // its text, unless that was withdrawn
};

void add_links(Replayed& state, const json& details) {
    const auto relationship = details.value("relationship", "derived_from");
    for (const auto& source : details.at("source_artifacts")) state.links.emplace(relationship, source.get<std::string>());
}

void replay(sqlite::Connection& connection, Replayed& state, std::int64_t seq, const json& line) {
    if (line.at("outcome") != "done") return;
    const auto operation = line.at("operation").get<std::string>();
    const auto& details = line.at("details");
    if (operation == "artifact_creation" && !details.value("repeated", false)) {
        state.created = true;
        state.create = line;
        state.status = details.at("status").get<std::string>();
        add_links(state, details);
    } else if (operation == "artifact_update" && line.at("action") == "update_status") {
        state.status = details.at("new_status").get<std::string>();
        state.error_message = details.value("error_message", json(nullptr));
        state.error_text.reset();
        const auto texts = texts_of(connection, seq, line);
        if (const auto text = texts.find("/details/error_message"); text != texts.end()) state.error_text = text->second.text;
    } else if (operation == "artifact_link") {
        add_links(state, details);
    } else if (operation == "artifact_cleanup") {
        state.removed = true;
    }
}

json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

}  // namespace

std::int64_t check_lines(sqlite::Connection& connection, const Complaint& complain) {
    std::int64_t expected = 1;
    for_each_entry(connection, {}, [&](StoredEntry&& entry) {
        if (entry.seq != expected) {
            complain(expected, "entry_missing",
                     "entries " + std::to_string(expected) + " to " + std::to_string(entry.seq - 1) + " are missing");
        }
        expected = entry.seq + 1;
        check_line(connection, entry, complain);
    });
    return expected - 1;
}

void check_artifact(sqlite::Connection& connection, const Artifact& artifact,
                    const std::function<void(const std::string&)>& complain) {
    Replayed state;
    for_each_entry(connection, {.artifact_id = artifact.id}, [&](StoredEntry&& entry) {
        const auto line = json::parse(entry.line, nullptr, false);
        if (!line.is_discarded()) replay(connection, state, entry.seq, line);
    });
    if (!state.created) return complain("no entry says that it was created");
    const auto& details = state.create.at("details");
    const auto expect = [&](const char* what, const json& trail, const json& row) {
        if (trail != row) complain(std::string(what) + " is " + row.dump() + ", the trail says " + trail.dump());
    };
    expect("artifact_type", details.at("artifact_type"), artifact.type.str());
    expect("created_at", state.create.at("timestamp"), artifact.created_at.str());
    expect("processing_module", state.create.at("module"), text_or_null(artifact.processing_module));
    expect("processing_version", details.at("processing_version"), text_or_null(artifact.processing_version));
    expect("checksum", details.value("checksum", json(nullptr)),
           artifact.checksum ? json(artifact.checksum->hex()) : json(nullptr));
    expect("file_size", details.value("file_size", json(nullptr)),
           artifact.file_size ? json(*artifact.file_size) : json(nullptr));
    expect("run_id", state.create.at("run_id"), artifact.run ? json(artifact.run->str()) : json(nullptr));
    expect("status", state.status, std::string(to_string(artifact.status)));
    expect("removed", state.removed, artifact.removed_at.has_value());
    // Texts are free: say that they differ, not what they are.
    if (artifact.error_message != state.error_text && (state.error_text || state.error_message.is_null())) {
        complain("its error message is not the one that the trail tells of");
    }
    std::set<std::pair<std::string, std::string>> links;
    for (const auto& [relationship, source] : artifact.links) links.emplace(relationship, source.str());
    if (links != state.links) complain("its links are not those that the trail tells of");
}

}  // namespace custody::audit
