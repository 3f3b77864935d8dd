#include "tools/command.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <sstream>

namespace custody::testing {

namespace {

std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char character : text) result += character == '\'' ? std::string("'\\''") : std::string(1, character);
    return result + "'";
}

}  // namespace

Bench::Bench(bool init) {
    if (init) done("init --quiet");
}

Ran Bench::run(const std::string& line) const {
    const auto folder = std::filesystem::path(CUSTODY_COMMAND).parent_path().string();
    return shell("cd " + quoted(files.path().string()) + "\nunset CUSTODY_ACTOR NO_COLOR\nexport PATH=" + quoted(folder) +
                 ":\"$PATH\" CUSTODY_STORE=\"$PWD/store\"\n" + line);
}

Ran Bench::custody(const std::string& arguments) const { return run("custody " + arguments); }

std::string Bench::done(const std::string& arguments) const {
    const auto ran = custody(arguments);
    INFO("custody " << arguments << "\n" << ran.out << ran.err);
    REQUIRE(ran.exit_code == 0);
    return ran.out.substr(0, ran.out.find_last_not_of('\n') + 1);
}

ordered_json Bench::json_of(const std::string& arguments) const { return ordered_json::parse(done("--json " + arguments)); }

std::vector<std::string> Bench::operations() const {
    std::vector<std::string> names;
    for (const auto& entry : json_of("audit query --limit 0")) {
        names.push_back(entry["operation"].get<std::string>() + "/" + entry["action"].get<std::string>());
    }
    return names;
}

OneArtifact::OneArtifact() {
    files.file("a", "some bytes");
    id = done("add --type log a");
    const auto checksum = json_of("show " + id)["checksum"].get<std::string>();
    blob = "store/storage/blobs/" + checksum.substr(0, 2) + "/" + checksum;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace custody::testing
