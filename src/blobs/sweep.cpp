#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <system_error>

#include "blobs/blob_store.hpp"
#include "blobs/durable.hpp"
#include "blobs/errors.hpp"
#include "blobs/trash_name.hpp"

namespace custody::blobs {

namespace {

constexpr std::int64_t day_seconds = 86400;

bool is_hex(std::string_view text, std::size_t size) {
    return text.size() == size && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Calls `visit` for each entry of a folder; a missing folder has none. @throws IoError
template <class Visit>
void for_each_entry(const std::filesystem::path& folder, const Visit& visit) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        visit(*entry);
    if (error && error.value() != ENOENT) throw_io(error.value(), "read the folder", folder);
}

bool unlink_any(const std::filesystem::path& path) {
    if (::unlink(path.c_str()) == 0) return true;
    if (errno == ENOENT) return false;  // another sweep was quicker
    if (errno == EISDIR || errno == EPERM) {
        std::error_code error;
        return std::filesystem::remove_all(path, error) > 0 && !error;
    }
    throw_io(errno, "remove", path);
}

/// Removes a temporary file that a dead writer left; a living one holds a lock on it.
bool remove_abandoned(const std::filesystem::path& path, std::int64_t now_seconds, std::int64_t grace_seconds) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) return false;  // gone, or of another account, whose own sweep will take it
    auto age_needed = grace_seconds;
    if (::flock(file.get(), LOCK_SH | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return false;
        age_needed = std::max(grace_seconds, day_seconds);  // no locks here: only time can tell
    }
    struct stat status {};
    if (::fstat(file.get(), &status) != 0 || now_seconds - status.st_ctim.tv_sec < age_needed) return false;
    return ::unlink(path.c_str()) == 0;
}

}  // namespace

std::string trash_name(std::string_view name) {
    return std::string(name) + "." + std::to_string(::time(nullptr)) + "." + random_hex(8);
}

std::optional<std::int64_t> removed_at_seconds(std::string_view trash_name) {
    const auto last = trash_name.rfind('.');
    if (last == std::string_view::npos || last == 0 || !is_hex(trash_name.substr(last + 1), 16)) return std::nullopt;
    const auto first = trash_name.rfind('.', last - 1);
    if (first == std::string_view::npos) return std::nullopt;
    const auto digits = trash_name.substr(first + 1, last - first - 1);
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return seconds;
}

bool BlobStore::discard(const Digest& digest) {
    const auto name = path_of(digest);
    const auto target = trash() / trash_name(digest.hex());
    // No sync: should the rename be lost with the power, the payload is an orphan again and collected once more.
    if (::rename(name.c_str(), target.c_str()) == 0) return true;
    struct stat status {};
    if (errno == ENOENT && ::lstat(name.c_str(), &status) != 0 && errno == ENOENT) return false;
    if (errno != ENOENT) throw_io(errno, "move to the trash", name);
    make_folder(trash(), modes_.folder());
    if (::rename(name.c_str(), target.c_str()) != 0) throw_io(errno, "move to the trash", name);
    return true;
}

std::size_t BlobStore::sweep_trash(std::int64_t grace_seconds) {
    const std::int64_t now_seconds = ::time(nullptr);
    std::size_t count = 0;
    for_each_entry(trash(), [&](const std::filesystem::directory_entry& entry) {
        const auto name = entry.path().filename();
        if (is_temporary_file_name(name.native())) {
            if (remove_abandoned(entry.path(), now_seconds, grace_seconds)) ++count;
        } else if (const auto removed_at = removed_at_seconds(name.native())) {
            if (now_seconds - *removed_at >= grace_seconds && unlink_any(entry.path())) ++count;
        }
    });
    return count;
}

BlobStore::TrashUsage BlobStore::trash_usage() const {
    TrashUsage usage;
    for_each_entry(trash(), [&](const std::filesystem::directory_entry& entry) {
        struct stat status {};
        if (::lstat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
        ++usage.files;
        usage.size_bytes += static_cast<std::uint64_t>(status.st_size);
    });
    return usage;
}

BlobStore::Listing BlobStore::list() const {
    Listing listing;
    for_each_entry(blobs(), [&](const std::filesystem::directory_entry& folder) {
        const auto prefix = folder.path().filename();
        std::error_code error;
        if (!is_hex(prefix.native(), 2) || !std::filesystem::is_directory(folder.symlink_status(error))) {
            listing.strangers.push_back(folder.path());
            return;
        }
        for_each_entry(folder.path(), [&](const std::filesystem::directory_entry& entry) {
            const auto name = entry.path().filename();
            std::error_code failed;
            const bool is_blob = is_hex(name.native(), 64) && name.native().starts_with(prefix.native()) &&
                                 std::filesystem::is_regular_file(entry.symlink_status(failed));
            if (is_blob) {
                listing.blobs.push_back(Digest::parse(name.native()));
            } else {
                listing.strangers.push_back(entry.path());
            }
        });
    });
    return listing;
}

}  // namespace custody::blobs
