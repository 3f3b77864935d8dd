#include "faults/support/world.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace custody::faults {

namespace fs = std::filesystem;

fs::path World::write(const std::string& name, const std::string& content) const {
    fs::create_directories(outside());
    spill(outside(name), content);
    return outside(name);
}

void World::remember(const std::string& name, const std::string& id) const { (void)write("id." + name, id); }

// By hand: a stream reports a lack of memory by a failure, and that would be the harness's own.
std::string World::recall(const std::string& name) const {
    const int file = ::open(outside("id." + name).c_str(), O_RDONLY | O_CLOEXEC);
    std::array<char, 64> bytes{};
    const auto count = file < 0 ? -1 : ::read(file, bytes.data(), bytes.size());
    if (file >= 0) ::close(file);
    if (count < 0) throw std::runtime_error("can't read what " + name + " is");
    return {bytes.data(), static_cast<std::size_t>(count)};
}

bool is_notebook(const std::string& file) { return file.find("/outside/id.") != std::string::npos; }

World World::copy_to(const fs::path& place) const {
    fs::remove_all(place);
    fs::copy(root_, place, fs::copy_options::recursive);
    return World(place);
}

ManagerOptions opening() { return {.actor = "harness", .create = false, .lock_timeout = std::chrono::milliseconds(5000)}; }

Folder::Folder() {
    const char* wanted = ::getenv("CUSTODY_FAULTS_DIR");
    fs::path parent = wanted != nullptr ? wanted : "/dev/shm";
    if (::access(parent.c_str(), W_OK | X_OK) != 0) parent = fs::temp_directory_path();
    std::string name = (parent / "custody-faults-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed for " + name);
    path_ = name;
}

Folder::~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::string slurp(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw std::runtime_error("can't read " + file.string());
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

void spill(const fs::path& file, const std::string& content) {
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << content;
    if (!out.flush()) throw std::runtime_error("can't write " + file.string());
}

}  // namespace custody::faults
