#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <custody/ids.hpp>
#include <custody/json.hpp>
#include <custody/time.hpp>
#include <custody/types.hpp>

namespace custody {

/// How the bytes of a source file get into the store. A hard link to it is never made: a later edit
/// of the source would change the store.
enum class Transfer {
    copy,     ///< copied and hashed in one pass
    reflink,  ///< cloned where the file system can (btrfs, XFS), and the clone hashed; else copied
    move,     ///< renamed into the store where that is safe (same file system, own file, one name,
              ///< nobody writing); else copied, and the source removed once the artifact is committed
};

/// What a new artifact is to be. All but `type` may be left out. At most one of `source_path`,
/// `content` and `source_fd` gives it a payload; with none it is made of metadata alone.
struct NewArtifact {
    ArtifactType type;
    std::filesystem::path source_path{};         ///< a regular file, no symbolic link in its path
    std::optional<std::string> content{};        ///< the payload's bytes themselves
    int source_fd = -1;                          ///< an open file or pipe, read to its end; stays open
    std::string file_name{};                     ///< what it is called; else the name in source_path
    std::vector<ArtifactId> source_artifacts{};  ///< what it was made from, linked by `relationship`
    std::string relationship = "derived_from";
    std::string processing_module{};
    std::string processing_version{};
    json metadata = json::object();  ///< an object; kept as the text that dump() gives
    std::string metadata_text{};     ///< instead of `metadata`: the object's JSON text, kept as it is
    std::optional<RunId> run{};      ///< else the innermost run that this thread started
    /// Makes a repeated create answer the first artifact with this key, at most 255 bytes, where type, content and metadata are
    /// the same; with another type, content or metadata it is a Conflict. Sources, names, module, run and status are not
    /// compared.
    std::string request_key{};
    Transfer transfer = Transfer::copy;
    ArtifactStatus status = ArtifactStatus::completed;  ///< pending, in_progress or completed
    bool allow_identified_release = false;              ///< audited override: a de-identified type with identified bytes
    bool allow_phi_metadata = false;                    ///< audited override: metadata that the guard knows as PHI
};

/// An artifact as the store has it at one moment.
struct Artifact {
    ArtifactId id;
    ArtifactType type;
    ArtifactStatus status;
    Timestamp created_at;
    Timestamp updated_at;
    std::vector<ArtifactId> source_artifacts;  ///< direct sources, in the order in which they were linked
    std::string processing_module;
    std::string processing_version;
    std::string file_name;                   ///< empty without a payload
    std::string file_path;                   ///< the named link, relative to the store's `storage/`; empty without a payload
    std::optional<std::uint64_t> file_size;  ///< of the payload, in bytes
    std::optional<Digest> checksum;          ///< SHA-256 of the payload
    std::string metadata_text;               ///< a JSON object, as it was given
    std::optional<std::string> error_message;
    std::optional<RunId> run;                               ///< the run whose output it is
    std::optional<Timestamp> removed_at;                    ///< when cleanup removed its payload
    std::vector<std::pair<std::string, ArtifactId>> links;  ///< (relationship, source), in order

    [[nodiscard]] json metadata() const { return json::parse(metadata_text); }
};

/// Which artifacts to list; newest first, in an order that never changes. Empty members filter nothing.
struct ArtifactQuery {
    std::optional<ArtifactType> type{};
    std::optional<ArtifactStatus> status{};
    std::optional<RunId> run{};  ///< outputs of this run
    std::string processing_module{};
    std::optional<Timestamp> since{};   ///< created at or after
    std::optional<Timestamp> until{};   ///< created before
    std::size_t limit = 0;              ///< at most so many; 0: all
    std::optional<ArtifactId> after{};  ///< the page that follows this artifact
};

/// The original's thirteen fields under its names and in its order, then `run_id`, `file_name`, `removed_at`.
/// `file_path` is made absolute below `storage` where that is given.
[[nodiscard]] CUSTODY_API ordered_json to_json(const Artifact& artifact, const std::filesystem::path& storage = {});

/// Whether the table of transitions (see ArtifactStatus) has this change.
[[nodiscard]] CUSTODY_API bool transition_allowed(ArtifactStatus from, ArtifactStatus to) noexcept;

}  // namespace custody
