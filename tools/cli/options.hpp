#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "session.hpp"

namespace custody::cli {

/// CLI11 gives a meaning of its own to some arguments ("[a,b]", "++", "--name="), and takes what follows `--` for
/// options of the verb above. This marks those, so that they reach us as they are; every value that we read has the
/// marks taken off again.
std::vector<std::string> protect_arguments(int argc, const char* const* argv);
std::string unprotect(std::string value);
/// A message of CLI11's with every mark taken out, wherever an argument is quoted in it.
std::string unprotect_message(std::string message);

/// What people see of a verb in --help.
struct VerbText {
    std::string name;
    std::string description;
    std::string examples;  ///< one a line
};

/// The examples as the end of a --help.
std::string examples_footer(const std::string& examples);

template <class Options>
struct Verb {
    CLI::App& app;
    Options& options;
};

/// A verb that only holds others, such as `run`.
CLI::App& add_group(CLI::App& parent, const VerbText& text);

CLI::App& add_plain_verb(CLI::App& parent, const VerbText& text);

/// A verb with options of its own. `run` is called after the whole command line was read, and answers the exit code.
template <class Options>
Verb<Options> add_verb(CLI::App& parent, Session& session, const VerbText& text, int (*run)(const Session&, const Options&)) {
    auto options = std::make_shared<Options>();
    auto& app = add_plain_verb(parent, text);
    app.callback([&session, options, run] { session.action = [&session, options, run] { return run(session, *options); }; });
    return {app, *options};
}

/// An option (or, without dashes, a positional argument) whose text goes through `parse`, which throws UsageError or
/// custody::Error where the text is no good: exit code 2.
template <class T, class Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& name, const std::string& type_name, T& target, Parse parse,
                        const std::string& help) {
    return app
        .add_option_function<std::string>(
            name,
            [&target, parse, name](const std::string& raw) {
                try {
                    target = parse(unprotect(raw));
                } catch (const std::exception& error) {
                    throw UsageError(name + ": " + error.what());
                }
            },
            help)
        ->type_name(type_name);
}

CLI::Option* add_text(CLI::App& app, const std::string& name, const std::string& type_name, std::string& target,
                      const std::string& help);
/// Where an empty text would say the same as none, and so is a mistake (an unset variable of the caller's).
CLI::Option* add_filled_text(CLI::App& app, const std::string& name, const std::string& type_name, std::string& target,
                             const std::string& help);
/// Tells an empty text from none.
CLI::Option* add_optional_text(CLI::App& app, const std::string& name, const std::string& type_name,
                               std::optional<std::string>& target, const std::string& help);
CLI::Option* add_flag(CLI::App& app, const std::string& name, bool& target, const std::string& help);

/// One value each time that it is given.
CLI::Option* add_artifact_ids(CLI::App& app, const std::string& name, std::vector<ArtifactId>& target, const std::string& help);
CLI::Option* add_artifact_id(CLI::App& app, const std::string& name, std::optional<ArtifactId>& target, const std::string& help);
CLI::Option* add_run_id(CLI::App& app, const std::string& name, std::optional<RunId>& target, const std::string& help);
CLI::Option* add_type(CLI::App& app, const std::string& name, std::optional<ArtifactType>& target, const std::string& help);
CLI::Option* add_status(CLI::App& app, const std::string& name, std::optional<ArtifactStatus>& target, const std::string& help);
CLI::Option* add_time(CLI::App& app, const std::string& name, std::optional<Timestamp>& target, const std::string& help);
CLI::Option* add_count(CLI::App& app, const std::string& name, std::size_t& target, const std::string& help);

/// A whole number in decimal digits, within bounds. @throws UsageError
std::int64_t parse_integer(const std::string& text, std::int64_t least, std::int64_t most);
/// A number of seconds, fractions allowed. @throws UsageError
std::chrono::milliseconds parse_seconds(const std::string& text);
/// A finite number with `.` for the point. @throws UsageError
double parse_number(const std::string& text);

/// Picks one of a few words. @throws UsageError that names them
template <class T>
auto one_of(std::vector<std::pair<std::string, T>> words) {
    return [words = std::move(words)](const std::string& text) -> T {
        std::string known;
        for (const auto& [word, value] : words) {
            if (word == text) return value;
            known += (known.empty() ? "" : ", ") + word;
        }
        throw UsageError("\"" + text + "\" is not one of " + known);
    };
}

}  // namespace custody::cli
