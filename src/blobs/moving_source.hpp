#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>

#include "blobs/abilities.hpp"
#include "blobs/descriptor.hpp"
#include "blobs/moving_mark.hpp"

namespace custody::blobs {

/// A source that is to leave its place (Transfer::move): held by its folder and name, so that what is renamed or removed in the
/// end is the file that was looked at. A file is taken over by one rename to its final name, so that a crash leaves it in
/// one place or the other and never where a sweep would delete it.
class MovingSource {
   public:
    enum class Step {
        rename,   ///< its very file is to become the payload
        renamed,  ///< it has
        remove,   ///< it was copied; to be removed when the artifact is committed
        done
    };
    enum class Renamed { done, exists, refused };

    /// `file` is the source, open. @throws IoError where the source could not be removed afterwards
    MovingSource(std::filesystem::path path, int file);

    /// Whether the file may become a payload as it is: a regular file with this one name, ours, on this device, without an
    /// access list, and open for writing nowhere. The last is held by a lease for as long as `file` is open.
    [[nodiscard]] bool may_become_payload(int file, dev_t device, const Abilities& abilities) const;

    /// What a source becomes.
    struct Target {
        const std::filesystem::path& name;  ///< the payload's
        const Digest& digest;               ///< of its content
        std::filesystem::path trash;        ///< has the mark that tells of it until its record is committed
        unsigned mode;
        std::optional<gid_t> group;  ///< whose it is to become
    };
    /// Gives the file its permissions and renames it, with a mark that tells of it. Whatever keeps it from that (but a full or
    /// broken disk) leaves it as it was. `over`: whatever is there. @throws IoError (ENOENT where the folder of the name is
    /// missing)
    Renamed rename_to(int file, const Target& target, bool over);
    /// Renames `from` back to the source's name, unless that is taken, with its old permissions.
    bool put_back(int file, const std::filesystem::path& from);
    /// Its record is there: what is in the store is no longer all that there is of it.
    void settle() noexcept { mark_.remove(); }
    /// Removes the source if it is still the file that was read, and not the payload `kept` itself.
    bool remove(const std::filesystem::path& kept);

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] Step step() const { return step_; }
    void set_step(Step step) { step_ = step; }
    /// The folder the source is in.
    [[nodiscard]] int folder() const { return folder_.get(); }

   private:
    [[nodiscard]] bool mark(const Target& target);
    void restore(int file) const;
    std::filesystem::path path_;
    std::string name_;
    Descriptor folder_;
    struct stat before_ {};
    Step step_ = Step::remove;
    MovingMark mark_{};
};

}  // namespace custody::blobs
