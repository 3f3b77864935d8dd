#pragma once

#include <custody/artifact.hpp>
#include <custody/run.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "original/zone.hpp"

namespace custody::original {

/// What an id of ours is called in the tree: as the original called it, where it came from there.
using NameOf = std::function<std::string(const ArtifactId&)>;

/// Whether the original knows it: its code takes a record of another type for a broken one.
bool is_known_type(const ArtifactType& type);
/// Whether its code writes such entries.
bool is_known_action(std::string_view operation, std::string_view action);

/// A metadata file: the thirteen fields. `file_path` may be empty.
std::string record_form(const Artifact& artifact, const NameOf& name_of, const std::string& file_path, const Zone& zone);
/// A file of runs/.
std::string run_form(const RunRecord& run, const NameOf& name_of, const Zone& zone);
/// One line of an audit file, without its line feed: the ten keys. `entry` has them, and `run_id`, with texts in their places.
std::string entry_form(const ordered_json& entry, const Zone& zone);

}  // namespace custody::original
