#include "support/scratch.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace custody::testing {

Scratch::Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "custody-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed for " + name);
    path_ = name;
}

Scratch::~Scratch() {
    const auto* context = doctest::getContextOptions();
    if (context != nullptr && doctest::is_running_in_test && std::uncaught_exceptions() > 0) {
        std::cerr << "files of the failed test are kept in " << path_ << '\n';
        return;
    }
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path Scratch::file(std::string_view name, std::string_view content) const {
    const auto target = path_ / name;
    std::filesystem::create_directories(target.parent_path());
    std::ofstream(target, std::ios::binary) << content;
    return target;
}

std::string slurp(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("can't read " + path.string());
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

Ran shell(const std::string& command) {
    const Scratch output;
    const auto out = output / "out";
    const auto err = output / "err";
    // Whoever runs the tests may do so at a terminal, where commands ask.
    const int status = std::system(("( " + command + "\n) </dev/null >'" + out.string() + "' 2>'" + err.string() + "'").c_str());
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return {code, slurp(out), slurp(err)};
}

}  // namespace custody::testing
