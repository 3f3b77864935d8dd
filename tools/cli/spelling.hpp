#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace custody::cli {

/// The verb that was read last: what to look up in --help.
const CLI::App& chosen_verb(const CLI::App& app);

/// A verb as it is called: "custody audit query".
std::string verb_path(const CLI::App& verb);

/// How many letters have to be put in, taken out, replaced or swapped with the next to make one of the other.
std::size_t edit_distance(const std::string& one, const std::string& other);

/// Looks for verbs and options that there are not before anything is read: CLI11 would say that a verb is missing, print the
/// help of the verb above, or tell of a missing option first. @throws UsageError that names it, and the nearest one that there is
void check_spelling(const CLI::App& app, const std::vector<std::string>& arguments);

}  // namespace custody::cli
