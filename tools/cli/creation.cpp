#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "output.hpp"
#include "progress.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

struct AddFlags {
    std::optional<ArtifactType> type{};
    std::vector<std::string> files{};
    std::vector<ArtifactId> sources{};
    std::optional<RunId> run{};
    std::optional<ArtifactStatus> status = ArtifactStatus::completed;
    std::string relationship = "derived_from";
    std::string module{};
    std::string module_version{};
    std::optional<std::string> metadata{};
    std::string name{};
    std::optional<std::string> request_key{};
    bool move = false;
    bool reflink = false;
    bool allow_identified_release = false;
    bool allow_phi_metadata = false;
};

void check(const AddFlags& flags) {
    if (std::count(flags.files.begin(), flags.files.end(), "-") > 1) throw UsageError("stdin (-) can be one artifact only");
    if (std::find(flags.files.begin(), flags.files.end(), "") != flags.files.end()) throw UsageError("FILE: the name is empty");
    if (flags.metadata == "") throw UsageError("--metadata: the text is empty; give a JSON object, such as {}");
    if (flags.request_key == "")
        throw UsageError("--request-key: the key is empty; a repeated command would add the artifact again");
    if (flags.files.size() < 2) return;
    if (!flags.name.empty()) throw UsageError("--name is for one file; several keep their own names");
    if (flags.request_key) throw UsageError("--request-key is for one artifact; add the files one by one");
}

NewArtifact described(const AddFlags& flags) {
    return {
        .type = *flags.type,
        .file_name = flags.name,
        .source_artifacts = flags.sources,
        .relationship = flags.relationship,
        .processing_module = flags.module,
        .processing_version = flags.module_version,
        .metadata_text = flags.metadata.value_or(std::string()),
        .run = flags.run,
        .request_key = flags.request_key.value_or(std::string()),
        .transfer = flags.move      ? Transfer::move
                    : flags.reflink ? Transfer::reflink
                                    : Transfer::copy,
        .status = *flags.status,
        .allow_identified_release = flags.allow_identified_release,
        .allow_phi_metadata = flags.allow_phi_metadata,
    };
}

std::vector<NewArtifact> wanted(const AddFlags& flags) {
    const auto common = described(flags);
    if (flags.files.empty()) return {common};
    std::vector<NewArtifact> artifacts(flags.files.size(), common);
    for (std::size_t i = 0; i < artifacts.size(); ++i) {
        if (flags.files[i] == "-") {
            artifacts[i].source_fd = STDIN_FILENO;
        } else {
            artifacts[i].source_path = flags.files[i];
        }
    }
    return artifacts;
}

std::vector<Artifact> create(const Session& session, ArtifactManager& manager, const std::vector<NewArtifact>& artifacts) {
    ProgressBar bar(session, "adding", ProgressBar::Unit::bytes, "nothing was added");
    return manager.create_artifacts(artifacts, bar.callback());
}

void print(const Session& session, const ArtifactManager& manager, const std::vector<Artifact>& created) {
    if (!session.json_output) {
        for (const auto& artifact : created) put_line(artifact.id.str());
    } else if (created.size() == 1) {
        put_json(to_json(created.front(), manager.storage_path()));
    } else {
        JsonArray array;
        for (const auto& artifact : created) array.add(to_json(artifact, manager.storage_path()));
        array.end();
    }
}

std::string ids_of(const std::vector<Artifact>& created) {
    std::string ids;
    for (const auto& artifact : created) ids += " " + artifact.id.str();
    return ids;
}

int add(const Session& session, const AddFlags& flags) {
    check(flags);
    auto manager = session.open();
    const auto created = create(session, manager, wanted(flags));
    const auto* const made = created.size() == 1 ? "the artifact was made:" : "the artifacts were made:";
    return put_result(made + ids_of(created), [&] { print(session, manager, created); }) ? exit_done : exit_partial;
}

void add_overrides(CLI::App& app, AddFlags& flags) {
    auto* move = add_flag(app, "--move", flags.move, "move the files into the store instead of copying them");
    add_flag(app, "--reflink", flags.reflink, "clone the files where the file system can; else copy")->excludes(move);
    add_flag(app, "--allow-identified-release", flags.allow_identified_release,
             "accept under a de-identified type what equals an identified artifact; audited");
    add_flag(app, "--allow-phi-metadata", flags.allow_phi_metadata,
             "accept metadata that looks like protected health information; audited");
}

}  // namespace

void add_creation_verbs(CLI::App& app, Session& session) {
    auto [verb, flags] =
        add_verb<AddFlags>(app, session,
                           {"add", "make artifacts of files, all or none, and print their ids",
                            "ID=$(custody add --type video_raw --module input_handler interview.mp4)\n"
                            "custody add --type audio_deid --source $ID --run $RUN silenced.wav\n"
                            "custody add --type audio_phi_intervals --source $ID --metadata '{\"total_segments\": 2}'\n"
                            "ffmpeg … | custody add --type video_deid --source $ID --name blurred.mp4 -"},
                           add);
    verb.add_option_function<std::vector<std::string>>(
            "FILE",
            [&files = flags.files](const std::vector<std::string>& given) {
                for (const auto& file : given) files.push_back(unprotect(file));
            },
            "the files, - for stdin; none: an artifact made of metadata alone")
        ->type_name("");
    add_type(verb, "--type", flags.type, "what they are, such as video_raw; see custody type list")->required();
    add_artifact_ids(verb, "--source", flags.sources, "an artifact that they were made from; may be repeated");
    add_filled_text(verb, "--relationship", "R", flags.relationship,
                    "how they come from their sources; derived_from unless given");
    add_run_id(verb, "--run", flags.run, "the run whose outputs they are");
    add_filled_text(verb, "--module", "M", flags.module, "what made them");
    add_text(verb, "--module-version", "V", flags.module_version, "and its version");
    add_optional_text(verb, "--metadata", "JSON", flags.metadata, "a JSON object, kept as it is given");
    add_filled_text(verb, "--name", "N", flags.name, "the file's name, where it isn't that of FILE");
    add_optional_text(verb, "--request-key", "K", flags.request_key,
                      "the same key again answers the artifact that is there already");
    add_status(verb, "--status", flags.status, "pending, in_progress or completed (unless given)");
    add_overrides(verb, flags);
}

}  // namespace custody::cli
