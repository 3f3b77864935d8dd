#pragma once

#include <custody/artifact_manager.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace custody::faults {

/// What one run of an operation works on: a store, and what lies outside of it (sources, keys, exports). It is copied as a
/// folder.
class World {
   public:
    explicit World(std::filesystem::path root) : root_(std::move(root)) {}
    [[nodiscard]] const std::filesystem::path& root() const { return root_; }
    [[nodiscard]] std::filesystem::path store() const { return root_ / "store"; }
    [[nodiscard]] std::filesystem::path outside() const { return root_ / "outside"; }
    [[nodiscard]] std::filesystem::path outside(const std::string& name) const { return outside() / name; }
    /// Writes a file outside of the store.
    std::filesystem::path write(const std::string& name, const std::string& content) const;
    /// An id under a name that the operation knows it by.
    void remember(const std::string& name, const std::string& id) const;
    [[nodiscard]] std::string recall(const std::string& name) const;
    [[nodiscard]] ArtifactId artifact(const std::string& name) const { return ArtifactId::parse(recall(name)); }
    /// A copy of everything, in the place of what may be there.
    [[nodiscard]] World copy_to(const std::filesystem::path& place) const;

   private:
    std::filesystem::path root_;
};

/// Whether a file is one in which a world keeps what it remembers: of the harness, and spared by it.
bool is_notebook(const std::string& file);

/// How the harness opens stores: short patience, so that a lock that leaked fails instead of hanging.
ManagerOptions opening();

/// A folder below `parent`'s memory file system (or the place for temporary files), removed at the end.
class Folder {
   public:
    Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

   private:
    std::filesystem::path path_;
};

std::string slurp(const std::filesystem::path& file);
void spill(const std::filesystem::path& file, const std::string& content);

}  // namespace custody::faults
