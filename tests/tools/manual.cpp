// The manual and the completion say what the command does, and nothing else.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "tools/command.hpp"

using namespace custody::testing;

namespace {

const std::string manual_path = std::string(CUSTODY_SOURCE_DIR) + "/tools/custody.1";
const std::string completion_path = std::string(CUSTODY_SOURCE_DIR) + "/tools/custody.bash";

/// The words of small letters and dashes that follow one of the marks and begin with `start`.
std::set<std::string> words_after(const std::string& text, const std::vector<std::string>& marks, const std::string& start) {
    std::set<std::string> found;
    for (const auto& mark : marks) {
        for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
            const auto begin = at + mark.size();
            const auto word = text.substr(begin, text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", begin) - begin);
            if (word.size() > start.size() && word.rfind(start, 0) == 0) found.insert(word);
        }
    }
    return found;
}

std::set<std::string> options_of_help(const std::string& help) { return words_after(help, {"\n  ", "\n  -h,"}, "--"); }

std::set<std::string> options_of_manual(const std::string& text) { return words_after(text, {"Fl ", ", "}, "-"); }

std::set<std::string> verbs_of(const std::string& help) {
    const auto at = help.find("\nVerbs:\n");
    if (at == std::string::npos) return {};
    return words_after(help.substr(at, help.find("\n\n", at + 1) - at), {"\n  "}, "");
}

/// Every verb, in one or two words, with the options that --help shows, --help itself left out.
std::map<std::string, std::set<std::string>> commands(const Bench& bench) {
    std::map<std::string, std::set<std::string>> known;
    const auto look = [&](const std::string& verb) {
        const auto help = bench.done(verb + " --help");
        const auto inner = verbs_of(help);
        if (inner.empty()) {
            known[verb] = options_of_help(help);
            known[verb].erase("--help");
        }
        return inner;
    };
    for (const auto& verb : verbs_of(bench.done("--help"))) {
        for (const auto& second : look(verb)) look(verb + " " + second);
    }
    return known;
}

/// The options of a verb's item in the manual.
std::string manual_of(const std::string& manual, const std::string& verb) {
    std::string text;
    for (auto at = manual.find(".It Cm " + verb); at != std::string::npos; at = manual.find(".It Cm " + verb, at + 1)) {
        const auto after = manual[at + 7 + verb.size()];
        if (after != ' ' && after != '\n') continue;
        text += manual.substr(at, manual.find("\n.It Cm ", at + 1) - at);
    }
    return text;
}

std::set<std::string> complete(const Bench& bench, const std::string& line) {
    const auto ran = bench.run(
        "bash -c '. " + completion_path +
        "; read -ra COMP_WORDS <<<\"$1\"; [[ $1 == *\" \" ]] && COMP_WORDS+=(\"\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
        "_custody; printf \"%s\\n\" \"${COMPREPLY[@]}\"' - '" +
        line + "'");
    INFO(line << "\n" << ran.err);
    CHECK(ran.err.empty());
    const auto lines = lines_of(ran.out);
    std::set<std::string> words(lines.begin(), lines.end());
    words.erase("");
    return words;
}

}  // namespace

TEST_CASE("mandoc finds nothing to say about the manual") {
    const auto there = shell("command -v mandoc");
    if (there.exit_code != 0) {
        MESSAGE("mandoc is not installed: the manual was not linted");
        return;
    }
    CHECK(shell("mandoc -Tlint -W style " + manual_path + " 2>/dev/null").out.empty());
}

TEST_CASE("the manual has every verb and every option, and the verbs' help has everything in the manual") {
    const Bench bench(false);
    const auto manual = slurp(manual_path);
    const auto known = commands(bench);
    CHECK(known.size() >= 30);
    const auto filters = options_of_manual(manual_of(manual, "audit query"));
    for (const auto& [verb, options] : known) {
        const auto text = manual_of(manual, verb);
        INFO(verb);
        REQUIRE_FALSE(text.empty());
        auto written = options_of_manual(text);
        if (contains(text, "Ar filter")) written.insert(filters.begin(), filters.end());
        if (verb == "lineage") written.insert({"-down", "-both"});
        if (verb == "verify") written.insert("-sample");
        if (verb == "audit export") written.insert("-all");
        if (verb != "audit query" && verb != "audit errors" && contains(text, "Ar filter")) written.erase("-limit");
        std::set<std::string> shown;
        for (const auto& option : options) shown.insert(option.substr(1));
        for (const auto& option : shown) {
            INFO("option -" << option);
            CHECK(written.count(option) == 1);
        }
        for (const auto& option : written) {
            INFO("only in the manual: -" << option);
            CHECK(shown.count(option) == 1);
        }
    }
    for (const char* code : {"0", "1", "2", "3", "4", "10", "11", "20"})
        CHECK(contains(manual, std::string("\n.It ") + code + "\n"));
}

TEST_CASE("every example of the manual runs as it stands there") {
    const Bench bench(false);
    bench.files.file("interview.mp4", "video");
    bench.files.file("blurred.mp4", "blurred");
    bench.files.file("notes.txt", "notes");
    const auto manual = slurp(manual_path);
    std::string script = "set -e\n";
    int blocks = 0;
    for (auto at = manual.find(".Bd -literal"); at != std::string::npos; at = manual.find(".Bd -literal", at + 1)) {
        const auto begin = manual.find('\n', at) + 1;
        script += manual.substr(begin, manual.find(".Ed", begin) - begin);
        ++blocks;
    }
    for (auto at = script.find("\\e"); at != std::string::npos; at = script.find("\\e", at)) script.erase(at + 1, 1);
    CHECK(blocks >= 7);
    bench.files.file("examples.sh", script);
    const auto ran = bench.run("unset CUSTODY_STORE; sh -x examples.sh");
    INFO(ran.out << ran.err);
    CHECK(ran.exit_code == 0);
    CHECK(slurp(bench.files / "released.mp4") == "blurred");
    CHECK(contains(ran.out, "codec") == false);
}

TEST_CASE("the completion knows every verb and option of the command, and no other") {
    const Bench bench(false);
    const auto known = commands(bench);
    const auto global = options_of_help(bench.done("--help"));
    std::set<std::string> first;
    std::map<std::string, std::set<std::string>> second;
    for (const auto& [verb, options] : known) {
        const auto space = verb.find(' ');
        first.insert(verb.substr(0, space));
        if (space != std::string::npos) second[verb.substr(0, space)].insert(verb.substr(space + 1));
        auto expected = options;
        expected.insert(global.begin(), global.end());
        INFO(verb);
        CHECK(complete(bench, "custody " + verb + " --") == expected);
    }
    CHECK(complete(bench, "custody ") == first);
    for (const auto& [verb, words] : second) CHECK(complete(bench, "custody " + verb + " ") == words);
}

TEST_CASE("the completion knows types, statuses and formats where they are due") {
    const Bench bench(false);
    const std::set<std::string> statuses{"pending", "in_progress", "completed", "failed", "archived"};
    CHECK(complete(bench, "custody list --status ") == statuses);
    CHECK(complete(bench, "custody list --status = ") == statuses);
    CHECK(complete(bench, "custody status " + unknown_id + " ") == statuses);
    CHECK(complete(bench, "custody --store list run end x --status ") == std::set<std::string>{"completed", "failed"});
    CHECK(complete(bench, "custody --store = /data li") == std::set<std::string>{"list", "lineage", "link"});
    CHECK(complete(bench, "custody add --type video_d") == std::set<std::string>{"video_deid"});
    CHECK(complete(bench, "custody lineage --format ") == std::set<std::string>{"tree", "json", "dot", "svg"});
    CHECK(complete(bench, "custody sql --format ") == std::set<std::string>{"table", "csv", "json", "jsonl"});
    CHECK(complete(bench, "custody audit query --outcome ") == std::set<std::string>{"done", "not_found", "refused", "failed"});
    bench.files.file("a_file.mp4", "");
    CHECK(complete(bench, "custody add --type log a_f") == std::set<std::string>{"a_file.mp4"});
}
