// Feeds every file of the folders that it is given to a target: the kept corpus as a test, with any compiler.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "property.hpp"

int main(int count, char** words) {
    int files = 0;
    for (int i = 1; i < count; ++i) {
        for (const auto& entry : std::filesystem::directory_iterator(words[i])) {
            std::ifstream file(entry.path(), std::ios::binary);
            require(file.is_open(), "the file can be read");
            const std::string bytes(std::istreambuf_iterator<char>(file), {});
            std::printf("%s\n", entry.path().filename().c_str());  // the last one, where a property is broken
            std::fflush(stdout);
            // A copy of its own size, so that AddressSanitizer sees a read past its end; a string has a NUL there.
            const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
            LLVMFuzzerTestOneInput(exact.data(), exact.size());
            ++files;
        }
    }
    require(files > 0, "there are files to feed");
}
