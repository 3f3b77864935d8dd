#include "options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

namespace custody::cli {

namespace {

constexpr char marker = '\x01';
constexpr char no_option_marker = '\x02';

bool misread(const std::string& argument) {
    if (argument.empty()) return false;
    const bool list = argument.front() == '[' && argument.back() == ']';
    const bool empty_value =
        argument.size() > 3 && argument.compare(0, 2, "--") == 0 && argument.find('=') == argument.size() - 1;
    return list || empty_value || argument == "++" || argument == "{}" || argument.back() == marker;
}

template <class T>
T number_within(const std::string& text, T least, T most) {
    T value{};
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    bool finite = true;
    if constexpr (std::is_floating_point_v<T>) finite = std::isfinite(value);
    if (text.empty() || stop != end || error == std::errc::invalid_argument || !finite) {
        throw UsageError(fmt::format("\"{}\" is no number", text));
    }
    if (error == std::errc::result_out_of_range || !(value >= least && value <= most)) {
        throw UsageError(fmt::format("{} is not between {} and {}", text, least, most));
    }
    return value;
}

}  // namespace

std::string examples_footer(const std::string& examples) {
    std::string footer = "Examples:\n  ";
    for (const char character : examples) {
        footer += character;
        if (character == '\n') footer += "  ";
    }
    return footer;
}

std::vector<std::string> protect_arguments(int argc, const char* const* argv) {
    std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    const auto mark = std::find(arguments.begin(), arguments.end(), "--");
    for (auto argument = arguments.begin(); argument != arguments.end(); ++argument) {
        const bool no_option = argument > mark && argument->size() > 1 && argument->front() == '-';
        if (misread(*argument)) *argument += marker;
        if (no_option || (!argument->empty() && argument->front() == no_option_marker)) argument->insert(0, 1, no_option_marker);
    }
    if (mark != arguments.end()) arguments.erase(mark);
    return arguments;
}

std::string unprotect(std::string value) {
    if (!value.empty() && value.front() == no_option_marker) value.erase(0, 1);
    if (!value.empty() && value.back() == marker) value.pop_back();
    return value;
}

std::string unprotect_message(std::string message) {
    std::erase_if(message, [](char character) { return character == marker || character == no_option_marker; });
    return message;
}

CLI::App& add_group(CLI::App& parent, const VerbText& text) {
    auto& app = add_plain_verb(parent, text);
    app.require_subcommand(1);
    return app;
}

CLI::App& add_plain_verb(CLI::App& parent, const VerbText& text) {
    auto& app = *parent.add_subcommand(text.name, text.description)->group("Verbs");
    app.footer(examples_footer(text.examples) + "\n\nOptions of every verb, and exit codes: custody --help");
    return app;
}

CLI::Option* add_text(CLI::App& app, const std::string& name, const std::string& type_name, std::string& target,
                      const std::string& help) {
    return add_parsed(
        app, name, type_name, target, [](std::string text) { return text; }, help);
}

CLI::Option* add_filled_text(CLI::App& app, const std::string& name, const std::string& type_name, std::string& target,
                             const std::string& help) {
    const auto parse = [](std::string text) {
        if (text.empty()) throw UsageError("the text is empty; leave the option out, or give a value");
        return text;
    };
    return add_parsed(app, name, type_name, target, parse, help);
}

CLI::Option* add_optional_text(CLI::App& app, const std::string& name, const std::string& type_name,
                               std::optional<std::string>& target, const std::string& help) {
    return add_parsed(
        app, name, type_name, target, [](std::string text) { return text; }, help);
}

CLI::Option* add_flag(CLI::App& app, const std::string& name, bool& target, const std::string& help) {
    return app.add_flag(name, target, help)->disable_flag_override()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

CLI::Option* add_artifact_ids(CLI::App& app, const std::string& name, std::vector<ArtifactId>& target, const std::string& help) {
    return app
        .add_option_function<std::vector<std::string>>(
            name,
            [&target, name](const std::vector<std::string>& texts) {
                for (const auto& text : texts) {
                    const auto id = ArtifactId::try_parse(unprotect(text));
                    if (!id) throw UsageError(fmt::format("{}: \"{}\" is no id of an artifact (a UUID)", name, unprotect(text)));
                    target.push_back(*id);
                }
            },
            help)
        ->type_name("ID")
        ->allow_extra_args(false);
}

CLI::Option* add_artifact_id(CLI::App& app, const std::string& name, std::optional<ArtifactId>& target, const std::string& help) {
    const auto parse = [](const std::string& text) {
        const auto id = ArtifactId::try_parse(text);
        if (!id) throw UsageError(fmt::format("\"{}\" is no id of an artifact (a UUID)", text));
        return *id;
    };
    return add_parsed(app, name, "ID", target, parse, help);
}

CLI::Option* add_run_id(CLI::App& app, const std::string& name, std::optional<RunId>& target, const std::string& help) {
    const auto parse = [](const std::string& text) {
        const auto id = RunId::try_parse(text);
        if (!id) throw UsageError(fmt::format("\"{}\" is no id of a run (a UUID)", text));
        return *id;
    };
    return add_parsed(app, name, "RUN", target, parse, help);
}

CLI::Option* add_type(CLI::App& app, const std::string& name, std::optional<ArtifactType>& target, const std::string& help) {
    return add_parsed(
        app, name, "TYPE", target, [](const std::string& text) { return ArtifactType(text); }, help);
}

CLI::Option* add_status(CLI::App& app, const std::string& name, std::optional<ArtifactStatus>& target, const std::string& help) {
    return add_parsed(
        app, name, "STATUS", target, [](const std::string& text) { return parse_status(text); }, help);
}

CLI::Option* add_time(CLI::App& app, const std::string& name, std::optional<Timestamp>& target, const std::string& help) {
    return add_parsed(
        app, name, "TIME", target, [](const std::string& text) { return Timestamp::parse(text); }, help);
}

CLI::Option* add_count(CLI::App& app, const std::string& name, std::size_t& target, const std::string& help) {
    const auto parse = [](const std::string& text) {
        return static_cast<std::size_t>(parse_integer(text, 0, std::numeric_limits<std::int64_t>::max()));
    };
    return add_parsed(app, name, "N", target, parse, help);
}

std::int64_t parse_integer(const std::string& text, std::int64_t least, std::int64_t most) {
    return number_within<std::int64_t>(text, least, most);
}

std::chrono::milliseconds parse_seconds(const std::string& text) {
    constexpr double century = 3.2e9;
    return std::chrono::milliseconds(std::llround(number_within<double>(text, 0, century) * 1000));
}

double parse_number(const std::string& text) {
    return number_within<double>(text, std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max());
}

}  // namespace custody::cli
