#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace custody::testing {

/// A new folder for one test; removed at its end unless the test failed, when its path is printed.
class Scratch {
   public:
    Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch();
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
    /// Writes a file below the folder and answers its path.
    std::filesystem::path file(std::string_view name, std::string_view content) const;

   private:
    std::filesystem::path path_;
};

/// The whole content of a file.
std::string slurp(const std::filesystem::path& path);

struct Ran {
    int exit_code;  ///< or 128 + signal
    std::string out;
    std::string err;
};

/// Runs a command by /bin/sh -c and waits for it.
Ran shell(const std::string& command);

}  // namespace custody::testing
