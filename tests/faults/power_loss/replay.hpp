#pragma once

#include <filesystem>
#include <random>
#include <set>

#include "faults/power_loss/log.hpp"

namespace custody::faults {

/// A model of a file system that loses power, as weak as ext4, XFS and btrfs are together, and POSIX allows:
///
/// - Data of a file that is not synced since: each write may be lost, or done, or torn, in any subset of its 512-byte sectors;
///   a truncation may be lost. Where a file has grown and data is lost, there are zeros. What an fsync or fdatasync of the file
///   came after is there, in full. Nothing orders the data of one file after that of another.
/// - Names that were made, changed or taken in a folder that is not synced since: each may be lost or done, in any subset,
///   whatever came before it to other names. A rename is one step, also between two folders. An fsync of the folder makes its
///   names durable, and nothing else does: not the fsync of the file that is named.
/// - A mode that was changed may be lost until the file is synced.
/// - syncfs makes everything durable.
/// - A sync that came back has done its work, and the disk keeps what it acknowledged.
///
/// That is weaker than any one of them: ext4 and XFS keep the order of names, and all three make a new file's name durable with
/// its fsync. What holds here holds there.
class Replay {
   public:
    /// `careless`: as if the database were written with synchronous=NORMAL, where no commit syncs the WAL; checkpoints do.
    Replay(const std::vector<Event>& events, bool careless);
    /// Goes on to the moment before event `at`.
    void advance_to(std::size_t at);
    /// What the power loss may leave at this moment, made below `place`. `luck`: how much of what isn't durable is there, 0 to 1.
    void make(const std::filesystem::path& place, double luck, std::mt19937_64& random) const;
    /// Lines said up to now.
    [[nodiscard]] const std::vector<std::string>& said() const { return said_; }

   private:
    struct File {
        std::string bytes;
        std::uint64_t mode = 0;
        std::vector<const Event*> pending;
    };
    using Names = std::map<std::string, Object>;
    void apply(const Event& event);
    void sync(Object object);
    void sync_names(Object folder);
    [[nodiscard]] bool is_skipped_sync(std::size_t at) const;
    static void apply_to(File& file, const Event& event, std::mt19937_64* random);
    static void apply_to(std::map<Object, Names>& names, const Event& event);
    void build(const std::filesystem::path& place, Object folder, const std::map<Object, Names>& names, double luck,
               std::mt19937_64& random, std::map<Object, std::filesystem::path>& made) const;

    const std::vector<Event>& events_;
    bool careless_;
    std::size_t at_ = 0;
    std::set<Object> wals_;       ///< for the control
    std::set<Object> databases_;  ///< likewise
    std::map<Object, File> files_;
    std::map<Object, std::string> links_;  ///< symbolic ones, each there whole or not at all
    std::map<Object, std::uint64_t> folder_modes_;
    std::map<Object, Names> durable_;
    std::vector<const Event*> changes_;  ///< of names, in order, that are not durable
    std::vector<std::string> said_;
};

}  // namespace custody::faults
