#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <custody/artifact.hpp>
#include <custody/ids.hpp>

#include "blobs/abilities.hpp"
#include "blobs/barrier.hpp"
#include "blobs/copy.hpp"
#include "blobs/descriptor.hpp"
#include "blobs/durable.hpp"
#include "blobs/incoming.hpp"

namespace custody::blobs {

/// Permissions of what a store makes.
struct Modes {
    bool group = false;
    [[nodiscard]] unsigned folder() const { return group ? 02770U : 0700U; }
    [[nodiscard]] unsigned file() const { return group ? 0660U : 0600U; }
    [[nodiscard]] unsigned payload() const { return group ? 0440U : 0400U; }
};

/// Called with the bytes done so far.
using Progress = std::function<void(std::uint64_t done)>;

class MovingSource;

/// A payload that is safe on disk but has no name in the store yet. Vanishes with the object unless published.
class Staged {
   public:
    Staged(Staged&&) noexcept;
    Staged& operator=(Staged&&) noexcept;
    ~Staged();
    [[nodiscard]] const Digest& digest() const { return digest_; }
    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
    /// Modification time of the payload's file, recorded to notice later changes; final once it is published.
    [[nodiscard]] std::int64_t mtime_ns() const { return mtime_ns_; }
    /// Whether publish() or ensure_published() gave the store this name: after a failure it is to be discarded, under the
    /// catalog's write lock, unless something refers to it by now.
    [[nodiscard]] bool added() const { return added_; }
    /// Once its content has its name: no longer keeps its file open, so that many can wait for one commit. Should the name go
    /// meanwhile, it must be staged anew. Nothing for a source on the move.
    void close() noexcept;
    [[nodiscard]] bool closed() const noexcept { return file_.get() < 0; }

   private:
    friend class BlobStore;
    Staged(Incoming file, const Hashed& hashed) noexcept;
    Incoming file_;
    Digest digest_;
    std::uint64_t size_bytes_;
    std::int64_t mtime_ns_ = 0;
    std::unique_ptr<MovingSource> moving_;  ///< Transfer::move
    bool added_ = false;
};

/// What publish() met.
enum class Published {
    added,    ///< it is new
    present,  ///< the same content was there
    healed    ///< something else was there under its name; the good copy is in its place now
};

/// What is known of a payload's file without reading it.
struct BlobStat {
    std::uint64_t size_bytes;
    std::int64_t mtime_ns;
};

/// What a sweep met.
struct Swept {
    std::filesystem::path path;
    std::uint64_t size_bytes = 0;
    std::string why{};      ///< why it goes
    std::string why_not{};  ///< why it stays; empty: it goes
    bool failed = false;    ///< it was due, and couldn't be removed
};
using SweptCallback = std::function<void(const Swept&)>;

/// Removes (unless it is a dry run) what writers that died left under temporary names in a folder that files are written into,
/// and tells of each, and of what is being written. A missing folder has none. @throws IoError where it can't be read
void sweep_temporary_files(const std::filesystem::path& folder, bool dry_run, const SweptCallback& tell);

/// Bytes below a path, or of it. What can't be looked at counts nothing.
std::uint64_t size_of(const std::filesystem::path& path);

/// The content-addressed folder: blobs/<2 hex>/<64 hex>, the name being the SHA-256 of the content. Knows nothing of
/// the catalog. Safe among threads and processes: every step is one atomic operation of the file system.
class BlobStore {
   public:
    /// `root` holds blobs/ and trash/; they are made by create(). `own_view` is the store's artifacts/ folder, whose symbolic
    /// links are its own and may be sources.
    BlobStore(std::filesystem::path root, Modes modes, std::filesystem::path own_view = {}, const Abilities& abilities = {});

    /// Makes blobs/ and trash/, durably; `root` must be there. What is there already stays. @throws IoError
    void create();

    /// Copies (clones, takes over) a file into staging and hashes what was written; fsync before it returns. The source is
    /// checked before and after. @throws SourceNotFound, SourceIsDirectory, InvalidArgument (symbolic link, no regular file),
    /// IoError (ENOSPC, EIO, or the source changed meanwhile). With Sync::later a barrier, or its
    /// stand-in, has to follow before it is published.
    [[nodiscard]] Staged stage_file(const std::filesystem::path& source, Transfer transfer, const Progress& progress = {},
                                    Sync sync = Sync::now);
    /// A payload that a file may be the same as. One that is `trusted` has the content that its name says.
    struct Candidate {
        Digest digest;
        bool trusted = false;
    };
    /// A file that has the content of a payload which is there under one of these names: read and hashed, and compared with what
    /// is there unless that is trusted; nothing is written. The payload is closed(). Nothing where none has it, or where the
    /// file changes meanwhile. @throws as stage_file
    [[nodiscard]] std::optional<Staged> stage_stored(const std::filesystem::path& source, std::span<const Candidate> candidates,
                                                     const Progress& progress = {}) const;
    /// From an open descriptor (pipe, file, socket), read to its end. @throws IoError, SourceIsDirectory, InvalidArgument
    [[nodiscard]] Staged stage_descriptor(int descriptor, const Progress& progress = {}, Sync sync = Sync::now);
    [[nodiscard]] Staged stage_bytes(std::string_view content, Sync sync = Sync::now);

    /// Gives it its final name and makes the name durable (fsync of the folder, also where the content was
    /// there: the other writer may not have). What is there already is compared by size and, unless `trusted`, hashed; hashed in
    /// any case where a source on the move is to go for it.
    /// With Sync::later a barrier has to follow before the catalog names it.
    Published publish(Staged& staged, bool trusted, Sync sync = Sync::now);
    /// One for payloads that are staged or published later than it is made; nullopt where the file system's word can't be taken.
    [[nodiscard]] std::optional<Barrier> barrier() const;
    /// In its stead, of those that were staged (published) with Sync::later: each file (folder) on its own, several at a time.
    /// @throws IoError
    void sync_staged(std::span<const Staged* const> all) const;
    void sync_names(std::span<const Staged* const> all) const;
    /// Makes every name that is there durable, whoever gave it. @throws IoError
    void sync_all_names() const;
    /// What has its name, if that has its size.
    [[nodiscard]] std::optional<BlobStat> published(const Staged& staged) const;
    /// Called under the catalog's write lock: whether the payload still has its name; if it has gone meanwhile it is
    /// linked again from the file, which must still be open, durably. Answers what has the name. @throws IoError
    BlobStat ensure_published(Staged& staged);
    /// After commit, for Transfer::move: removes a source that had to be copied (or whose content was there). False
    /// where it stays, because it was changed since or can't be removed; the payload is safe in any case.
    bool finish_move(Staged& staged) noexcept;
    /// After a failure, for Transfer::move that renamed: puts the source back under its old name. Where the caller holds the
    /// catalog's write lock and nothing refers to the payload (`unreferenced`), by a rename; else a copy takes its place in
    /// the store first, since another writer may rely on it by now. False where that fails; the content then stays in the store.
    bool undo_move(Staged& staged, bool unreferenced = false) noexcept;

    [[nodiscard]] std::filesystem::path path_of(const Digest& digest) const;
    /// nullopt where it is missing or no regular file.
    [[nodiscard]] std::optional<BlobStat> stat(const Digest& digest) const;
    /// Opened for reading. @throws Corruption where it is missing; IoError
    [[nodiscard]] Descriptor open(const Digest& digest) const;
    /// Hashes the stored bytes; false where they differ or the file is missing. @throws IoError
    [[nodiscard]] bool matches(const Digest& digest, const Progress& progress = {}) const;

    /// Renames it to trash/ (call under the catalog's write lock, when nothing refers to it). False where it was gone.
    /// @throws IoError
    bool discard(const Digest& digest);
    /// Gives whatever is under the payload's name a second one in trash/, before a good copy takes its place. False where there
    /// is nothing. @throws IoError
    bool keep_in_trash(const Digest& digest);
    /// Moves a file of the store's own view to trash/. @throws IoError
    void discard_file(const std::filesystem::path& file);
    /// Unlinks what has been in trash/ for the grace period or longer, and what crashed writers left; never what is
    /// being written. `tell` hears of everything that is there: what went (or would, in a dry run), and why the rest stays.
    /// @throws IoError where trash/ can't be read
    void sweep_trash(std::int64_t grace_seconds, bool dry_run, const SweptCallback& tell);
    /// The same; answers how many files went.
    std::size_t sweep_trash(std::int64_t grace_seconds);
    /// A source that a move has taken over and that was marked (MovingMark): unless a record names its payload, that is all there
    /// is of it.
    struct TakenOver {
        Digest digest;
        std::filesystem::path source;  ///< where it was
        std::filesystem::path mark;
        std::int64_t marked_at_seconds = 0;
    };
    /// Those whose mark is there, of moves that go on too. @throws IoError
    [[nodiscard]] std::vector<TakenOver> taken_over() const;
    /// Renames it back to where it was (under the catalog's write lock, when no record names it), for its owner to write to.
    /// False where that isn't possible: it is being moved in at this moment, belongs to another account, or its place is taken or
    /// gone.
    /// @throws IoError
    bool give_back(const TakenOver& taken);
    /// Removes its mark (unless it is a dry run), where a record names the payload or that isn't there. False where the mark is
    /// younger than a day, and may be of a move that goes on. @throws IoError
    bool forget(const TakenOver& taken, bool dry_run);

    /// What lies in trash/. @throws IoError
    struct TrashUsage {
        std::size_t files = 0;
        std::uint64_t size_bytes = 0;
    };
    [[nodiscard]] TrashUsage trash_usage() const;

    /// Every digest-named file below blobs/, and what else is found there. Order is not defined.
    struct Listing {
        std::vector<Digest> blobs;
        std::vector<std::filesystem::path> strangers;
    };
    [[nodiscard]] Listing list() const;

    [[nodiscard]] const std::filesystem::path& root() const { return root_; }
    [[nodiscard]] const Modes& modes() const { return modes_; }

   private:
    enum class Found { good, bad, gone };
    using DurableFolders = std::array<std::atomic<bool>, 256>;

    [[nodiscard]] const std::filesystem::path& blobs() const { return blobs_; }
    // As path_of(), without a path's list of its parts, which costs as much as the call that it is for.
    [[nodiscard]] std::string name_of(const Digest& digest) const;
    [[nodiscard]] std::filesystem::path trash() const { return root_ / "trash"; }
    [[nodiscard]] Incoming make_incoming() const;
    Staged seal(Incoming file, const Hashed& hashed, Sync sync) const;
    Staged stage_copy(int source, const std::filesystem::path& path, const Progress& progress, Sync sync) const;
    std::optional<Staged> stage_clone(int source, const std::filesystem::path& path, const Progress& progress, Sync sync) const;
    Staged stage_move(Descriptor source, const std::filesystem::path& path, const Progress& progress) const;
    [[nodiscard]] bool is_stores(const std::filesystem::path& place) const;
    void refuse_own(const std::filesystem::path& source, int folder) const;

    bool put(Staged& staged, const std::filesystem::path& name, bool over) const;
    bool put_in_folder(Staged& staged, const std::filesystem::path& name, bool over) const;
    Incoming copy_of(const Staged& staged, bool named) const;
    void restage(Staged& staged, bool named) const;
    Found inspect(Staged& staged, const std::filesystem::path& name, bool trusted) const;
    void move_aside(const std::filesystem::path& name) const;
    void sync_name(const std::filesystem::path& name, const Digest& digest) const;
    void settle_move(Staged& staged, const std::filesystem::path& name) const;
    bool return_source(Staged& staged, const std::filesystem::path& name) const;

    std::filesystem::path root_;
    std::filesystem::path blobs_;
    Modes modes_;
    std::filesystem::path own_view_;
    Abilities abilities_;
    /// Which of the folders below blobs/ this process has made durable, or found so.
    std::shared_ptr<DurableFolders> durable_folders_;
};

}  // namespace custody::blobs
