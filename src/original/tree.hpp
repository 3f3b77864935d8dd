#pragma once

#include <cstdint>
#include <custody/artifact.hpp>
#include <custody/original.hpp>
#include <custody/run.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "original/zone.hpp"

namespace custody::original {

using Remarks = std::vector<ImportRemark>;
/// By file and line; those of one place stay in their order.
void sort(Remarks& remarks);

/// An artifact as a metadata file has it, put right.
struct Record {
    std::string path;  ///< of the metadata file, below the tree
    std::string text;  ///< the file's, as UTF-8
    ArtifactId id;
    std::string original_id;  ///< as it stands there
    ArtifactType type;
    ArtifactStatus status;
    Timestamp created_at;
    Timestamp updated_at;
    /// Sources by their ids there, each with its relationship, in the order in which they were linked.
    std::vector<std::pair<std::string, std::string>> sources{};
    std::string processing_module{};
    std::string processing_version{};
    std::string file_path{};  ///< as it stands there
    std::optional<std::uint64_t> file_size{};
    std::optional<Digest> checksum{};
    std::string metadata_text{};
    std::optional<std::string> error_message{};

    // Found out by looking at the rest of the tree.
    std::filesystem::path payload{};                          ///< the file; empty where there is none
    std::string file_name{};                                  ///< what the payload is called
    std::vector<std::pair<ArtifactId, std::string>> links{};  ///< the sources that hold: known, not itself, no cycle
    std::optional<RunId> run{};
};

/// An entry of an audit file, or what is left of a line that is none.
struct Line {
    std::string path;    ///< of the audit file, below the tree
    std::uint64_t line;  ///< its number, from 1
    std::uint64_t part;  ///< of the line, from 1: several may be glued together
    std::string text;    ///< as it stands there, as UTF-8
    bool whole;          ///< false: what is left of a line that can't be read. The rest is empty
    std::string entry_id{};
    std::optional<Timestamp> time{};
    std::string operation{};
    std::string action{};
    std::optional<ArtifactId> artifact_id{};
    std::optional<RunId> run_id{};
    std::string user{};
    std::string module{};
    bool success = true;
    std::string error_message{};
    json details = json::object();
};

/// A run as the audit files (or a file in runs/) tell of it.
struct RunFacts {
    RunId id;
    std::string path;  ///< where it is told of
    std::uint64_t line = 0;
    Timestamp started_at;
    std::optional<Timestamp> ended_at{};
    ArtifactStatus status = ArtifactStatus::failed;
    std::string end_reason{};  ///< as RunRecord::end_reason
    std::string user{};
    std::string configuration_text = "{}";
    std::optional<std::string> error_message{};
    std::vector<std::string> outputs{};  ///< ids of artifacts, as they stand there
    std::vector<std::string> inputs{};
};

/// A store of the original, read.
struct Tree {
    std::vector<Record> records{};  ///< sources before what was made from them, else oldest first
    std::vector<Line> lines{};      ///< in the order of the files
    std::vector<RunFacts> runs{};   ///< in the order in which they were started
    Remarks remarks{};
};

/// Reads the tree below `folder` but for the payloads' bytes. @throws InvalidArgument where that is no store of the original's;
/// IoError
Tree read_tree(const std::filesystem::path& folder, const Zone& zone);

/// The id of an artifact or run here: the UUID that it has; of another text one that is made from it, always the same.
ArtifactId artifact_id_of(const std::string& original_id);
RunId run_id_of(const std::string& original_id);

// Its parts.

/// One metadata file. nullopt, with a remark, where it is no record that can be used.
std::optional<Record> read_record(const std::string& path, const std::string& text, const Timestamp& written_at, const Zone& zone,
                                  Remarks& remarks);
/// The entries of one audit file.
void read_lines(const std::string& path, std::string_view text, const Zone& zone, std::vector<Line>& lines, Remarks& remarks);
/// Leaves out links that can't be, and puts sources before what was made from them.
void settle_links(std::vector<Record>& records, Remarks& remarks);
/// Runs from entries and from files of runs/ (path, text).
std::vector<RunFacts> find_runs(const std::vector<Line>& lines, const std::map<std::string, std::string>& files, const Zone& zone,
                                Remarks& remarks);

}  // namespace custody::original
