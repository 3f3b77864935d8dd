#include "blobs/file_system.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace custody::blobs {

namespace {

/// Blanks and backslashes stand there in octal: "\040".
std::string unescaped(const std::string& text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto digits = text.substr(i + 1, 3);
        const bool octal = text[i] == '\\' && digits.size() == 3 && digits.find_first_not_of("01234567") == std::string::npos;
        plain += octal ? static_cast<char>(std::stoi(digits, nullptr, 8)) : text[i];
        if (octal) i += 3;
    }
    return plain;
}

bool lies_in(const std::filesystem::path& path, const std::filesystem::path& folder) {
    return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

/// "36 35 98:0 /root /mount/point rw,noatime shared:1 - ext4 /dev/root rw,errors=continue"
bool parse(const std::string& line, FileSystem& parsed) {
    std::istringstream in(line);
    std::string skipped, mount_point, options, word;
    if (!(in >> skipped >> skipped >> skipped >> skipped >> mount_point >> options)) return false;
    while (in >> word && word != "-") continue;
    std::string type, source, of_the_device;
    if (!(in >> type >> source >> of_the_device)) return false;
    const auto is_ro = [](const std::string& list) { return list == "ro" || list.rfind("ro,", 0) == 0; };
    parsed = {type, unescaped(source), unescaped(mount_point), is_ro(options) || is_ro(of_the_device)};
    return true;
}

}  // namespace

FileSystem file_system_of(const std::filesystem::path& path) {
    std::error_code error;
    const auto real = std::filesystem::weakly_canonical(path, error);
    FileSystem best;
    std::ifstream in("/proc/self/mountinfo");
    for (std::string line; std::getline(in, line);) {
        FileSystem here;
        // The last one mounted on a folder is the one that is seen there.
        if (parse(line, here) && lies_in(real, here.mount_point) && here.mount_point.size() >= best.mount_point.size())
            best = here;
    }
    return best;
}

}  // namespace custody::blobs
