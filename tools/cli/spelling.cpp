#include "spelling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "options.hpp"

namespace custody::cli {

namespace {

constexpr std::size_t near = 2;

/// ", did you mean list?" where one of the words is near, else nothing.
std::string guess(const std::string& word, const std::vector<std::string>& known) {
    const std::string* best = nullptr;
    auto least = near + 1;
    for (const auto& each : known) {
        const auto distance = edit_distance(word, each);
        if (distance < least && distance < std::min(word.size(), each.size())) {
            least = distance;
            best = &each;
        }
    }
    return best == nullptr ? std::string() : "; did you mean " + *best + "?";
}

[[noreturn]] void refuse(const CLI::App& verb, const std::string& what, const std::string& guessed) {
    throw UsageError(what + guessed + (guessed.empty() ? "; see " : " See ") + verb_path(verb) + " --help");
}

[[noreturn]] void refuse_verb(const CLI::App& group, const std::string& word) {
    std::vector<std::string> known;
    for (const auto* each : group.get_subcommands({})) known.push_back(each->get_name());
    const auto where = group.get_parent() == nullptr ? std::string() : " in " + verb_path(group);
    refuse(group, fmt::format("there is no verb \"{}\"{}", word, where), guess(word, known));
}

/// Options of every verb stand at the top.
const CLI::Option* find_option(const CLI::App& verb, const std::string& name) {
    for (const auto* app = &verb; app != nullptr; app = app->get_parent()) {
        if (const auto* option = app->get_option_no_throw(name)) return option;
    }
    return nullptr;
}

[[noreturn]] void refuse_option(const CLI::App& verb, const std::string& name) {
    std::vector<std::string> known;
    for (const auto* app = &verb; app != nullptr; app = app->get_parent()) {
        for (const auto* option : app->get_options()) {
            for (const auto& each : option->get_lnames()) known.push_back("--" + each);
        }
    }
    refuse(verb, "there is no option " + name, guess(name, known));
}

bool looks_like_option(const std::string& argument) {
    const auto letter = [&](std::size_t at) {
        return argument.size() > at && std::isalpha(static_cast<unsigned char>(argument[at])) != 0;
    };
    return argument.size() > 1 && argument[0] == '-' && (letter(1) || (argument[1] == '-' && letter(2)));
}

bool is_group(const CLI::App& verb) { return !verb.get_subcommands({}).empty(); }

}  // namespace

const CLI::App& chosen_verb(const CLI::App& app) {
    const auto chosen = app.get_subcommands();
    return chosen.empty() ? app : chosen_verb(*chosen.front());
}

std::string verb_path(const CLI::App& verb) {
    return verb.get_parent() == nullptr ? verb.get_name() : verb_path(*verb.get_parent()) + " " + verb.get_name();
}

std::size_t edit_distance(const std::string& one, const std::string& other) {
    const auto width = other.size() + 1;
    std::vector<std::size_t> cells((one.size() + 1) * width);
    const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& { return cells[i * width + j]; };
    for (std::size_t i = 0; i <= one.size(); ++i) {
        for (std::size_t j = 0; j <= other.size(); ++j) {
            if (i == 0 || j == 0) {
                at(i, j) = i + j;
                continue;
            }
            const auto replaced = at(i - 1, j - 1) + (one[i - 1] == other[j - 1] ? 0 : 1);
            at(i, j) = std::min({replaced, at(i - 1, j) + 1, at(i, j - 1) + 1});
            const bool swapped = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
            if (swapped) at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
        }
    }
    return cells.back();
}

void check_spelling(const CLI::App& app, const std::vector<std::string>& arguments) {
    const auto* verb = &app;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto argument = unprotect(arguments[i]);
        if (looks_like_option(arguments[i])) {
            const auto equals = argument.find('=');
            const auto name = argument.substr(0, equals);
            const auto* option = find_option(*verb, name);
            if (option == nullptr) refuse_option(*verb, name);
            if (equals == std::string::npos && option->get_items_expected_max() > 0) ++i;  // its value
        } else if (is_group(*verb)) {
            const auto verbs = verb->get_subcommands({});
            const auto next = std::find_if(verbs.begin(), verbs.end(), [&](auto* each) { return each->get_name() == argument; });
            if (next == verbs.end()) refuse_verb(*verb, argument);
            verb = *next;
        }
    }
}

}  // namespace custody::cli
