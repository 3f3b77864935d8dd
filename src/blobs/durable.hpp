#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blobs/descriptor.hpp"

namespace custody::blobs {

/// When what is made becomes durable.
enum class Sync {
    now,   ///< before the call returns
    later  ///< by a Barrier, which is the caller's duty
};

/// Makes the folder (its parents must exist) with exactly these permissions, whatever the umask, and makes its name
/// durable. What is there stays as it is; its name is made durable too. @throws IoError
void make_folder(const std::filesystem::path& folder, unsigned mode, Sync sync = Sync::now);

/// Makes what is missing above the folder, with the usual permissions, each name durable. @throws IoError
void make_parents(const std::filesystem::path& folder);

/// fsync of a folder, so that the names in it survive power loss. @throws IoError
void sync_folder(const std::filesystem::path& folder);

/// fsync of an open file. @throws IoError naming `path`
void sync_file(int descriptor, const std::filesystem::path& path);

/// Writes all of it, whatever write(2) takes at a time. @throws IoError naming `path`
void write_all(int descriptor, std::string_view bytes, const std::filesystem::path& path);

/// What to do about a file that has the name already.
enum class IfThere { replace, refuse };

/// Writes a file whole or not at all: beside its final name, fsync, rename, fsync of the folder. `fill` gets a
/// function that appends bytes. @throws IoError (EEXIST where it is there and is not to be replaced); whatever `fill`
/// throws, after removing what was written
void write_atomically(const std::filesystem::path& path, unsigned mode,
                      const std::function<void(const std::function<void(std::string_view)>&)>& fill,
                      IfThere if_there = IfThere::replace);

/// The same refusal before the work is begun. @throws IoError (EEXIST) where anything has the name, be it a dead link
void refuse_existing(const std::filesystem::path& path);

/// Opens a source for reading as the rules want it: a regular file with no symbolic link anywhere in its path, opened
/// once and looked at through the descriptor. `inside` (may be empty) is a folder whose symbolic links are the store's own
/// and therefore followed. @throws SourceNotFound, SourceIsDirectory, InvalidArgument, IoError
Descriptor open_source(const std::filesystem::path& path, const std::filesystem::path& inside);

/// The named link of a payload: a hard link, else a relative symbolic link (EMLINK, EPERM under
/// protected_hardlinks, EXDEV). Nothing where a good one is there; a stale one is replaced. @throws IoError
void make_named_link(const std::filesystem::path& link, const std::filesystem::path& payload, unsigned folder_mode);

/// A folder of this process alone, locked while the process lives (flock on the folder), so that others can tell.
class ProcessFolder {
   public:
    /// Makes <parent>/<pid>-<random>. @throws IoError
    ProcessFolder(const std::filesystem::path& parent, unsigned mode);
    ~ProcessFolder();  ///< removes it, unless this is a forked child
    ProcessFolder(const ProcessFolder&) = delete;
    ProcessFolder& operator=(const ProcessFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    /// Removes what is in it; answers how many entries went.
    std::size_t empty();

   private:
    std::filesystem::path path_;
    Descriptor lock_;
    long owner_pid_;
};

/// Every process's folder below `parent`; that of a dead one with its lock held, so that nobody takes it for a living one's
/// meanwhile. @throws IoError
void for_each_process_folder(const std::filesystem::path& parent,
                             const std::function<void(const std::filesystem::path&, bool dead)>& use);
/// The folders of dead processes below `parent`. @throws IoError
std::vector<std::filesystem::path> dead_process_folders(const std::filesystem::path& parent);
/// Removes them; answers how many went. @throws IoError
std::size_t remove_dead_process_folders(const std::filesystem::path& parent);

/// Waits until no other process has the folder locked, and locks it (flock) until the descriptor is closed. `tell` is called now
/// and then meanwhile, and may throw to stop it. @throws Busy where it has taken too long; IoError
Descriptor lock_folder(const std::filesystem::path& folder, std::chrono::milliseconds timeout = std::chrono::seconds(30),
                       const std::function<void()>& tell = {});
/// The same without waiting: nothing where another process has it locked. @throws IoError
std::optional<Descriptor> try_lock_folder(const std::filesystem::path& folder);

/// The type of file system that holds `path`, where it is one on which SQLite's locks can't be trusted ("nfs", "smb",
/// "fuse", …); empty for local ones. @throws IoError
std::string network_file_system(const std::filesystem::path& path);
/// Whether an open file is on one, or on what can't be told.
bool is_on_network(int file) noexcept;

}  // namespace custody::blobs
