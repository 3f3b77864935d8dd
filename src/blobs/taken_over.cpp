// Sources that a move has taken over, and whose create was not committed: found by their marks, and given back.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <custody/error.hpp>

#include "blobs/blob_store.hpp"
#include "blobs/copy.hpp"
#include "blobs/durable.hpp"
#include "blobs/errors.hpp"
#include "blobs/moving_mark.hpp"

namespace custody::blobs {

std::vector<BlobStore::TakenOver> BlobStore::taken_over() const {
    std::vector<TakenOver> all;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(trash(), error), end; !error && entry != end; entry.increment(error)) {
        const auto& mark = entry->path();
        const auto digest = digest_of_mark(mark.filename().native());
        if (!digest) continue;
        std::error_code gone;
        auto source = std::filesystem::read_symlink(mark, gone);
        struct stat status {};
        if (gone || ::lstat(mark.c_str(), &status) != 0) continue;  // its move has just ended
        all.push_back({*digest, std::move(source), mark, status.st_mtim.tv_sec});
    }
    if (error && error.value() != ENOENT) throw_io(error.value(), "read the folder", trash());
    return all;
}

bool BlobStore::give_back(const TakenOver& taken) {
    const auto name = path_of(taken.digest);
    const Descriptor file(::open(name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) return false;
    const auto status = look_at(file.get(), name);
    // Whoever could write the mark could name any place in it; another account's file is not put there for him.
    const bool is_own = S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == ::geteuid();
    if (!is_own || !was_left(file.get(), taken.marked_at_seconds)) return false;
    if (::renameat2(AT_FDCWD, name.c_str(), AT_FDCWD, taken.source.c_str(), RENAME_NOREPLACE) != 0) return false;
    ::fchmod(file.get(), (status.st_mode & 07777U) | S_IWUSR);  // a failure leaves a file that its owner can put right
    sync_folder(taken.source.parent_path());
    if (::unlink(taken.mark.c_str()) != 0 && errno != ENOENT) throw_io(errno, "remove", taken.mark);
    return true;
}

bool BlobStore::forget(const TakenOver& taken, bool dry_run) {
    if (!is_old_mark(taken.marked_at_seconds)) return false;
    if (!dry_run && ::unlink(taken.mark.c_str()) != 0 && errno != ENOENT) throw_io(errno, "remove", taken.mark);
    return true;
}

}  // namespace custody::blobs
