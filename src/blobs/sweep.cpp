#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <system_error>

#include <custody/error.hpp>

#include "blobs/blob_store.hpp"
#include "blobs/durable.hpp"
#include "blobs/errors.hpp"
#include "blobs/moving_mark.hpp"
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

/// not_found where it has gone since the folder was read. What can't be looked at is not taken for something else. @throws
/// IoError
std::filesystem::file_type type_of(const std::filesystem::directory_entry& entry) {
    std::error_code error;
    const auto type = entry.symlink_status(error).type();
    if (error && type != std::filesystem::file_type::not_found) throw_io(error.value(), "look at", entry.path());
    return type;
}

/// False where it has gone already. @throws IoError
bool unlink_any(const std::filesystem::path& path) {
    if (::unlink(path.c_str()) == 0) return true;
    if (errno == ENOENT) return false;  // another sweep was quicker
    if (errno != EISDIR && errno != EPERM) throw_io(errno, "remove", path);
    std::error_code error;
    const auto count = std::filesystem::remove_all(path, error);
    if (error) throw_io(error.value(), "remove", path);
    return count > 0;
}

/// Why a temporary file must stay; nothing where a dead writer left it: a living one holds a lock on it. `file` keeps ours until
/// it is removed, so that a writer that has just made it finds it gone, and doesn't go on with a file that loses its name.
std::string reason_to_stay(const std::filesystem::path& path, std::int64_t now_seconds, std::int64_t grace_seconds,
                           Descriptor& file) {
    file = Descriptor(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) return "it is of another account, whose own sweep will take it";
    auto age_needed = grace_seconds;
    if (::flock(file.get(), LOCK_SH | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return "it is being written";
        age_needed = std::max(grace_seconds, day_seconds);  // no locks here: only time can tell
    }
    struct stat status {};
    const bool known = ::fstat(file.get(), &status) == 0;
    if (!known || now_seconds - status.st_ctim.tv_sec < age_needed) return "it is young, and may still be written";
    return {};
}

// Not by time(2), which is a tick late: what was made at the turn of a second would come out of the future.
std::int64_t seconds_now() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

/// False where it had gone already. What can't be removed says why not.
bool remove_swept(Swept& swept) {
    try {
        return unlink_any(swept.path);
    } catch (const IoError& error) {
        swept.why_not = error.what();
        swept.failed = true;
        return true;
    }
}

}  // namespace

std::uint64_t size_of(const std::filesystem::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return 0;
    if (!S_ISDIR(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
    std::uint64_t size = 0;
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
        struct stat inside {};
        if (::lstat(entry->path().c_str(), &inside) == 0 && S_ISREG(inside.st_mode))
            size += static_cast<std::uint64_t>(inside.st_size);
    }
    return size;
}

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

bool BlobStore::keep_in_trash(const Digest& digest) {
    const auto name = path_of(digest);
    make_folder(trash(), modes_.folder());
    const auto target = trash() / trash_name(digest.hex());
    if (::link(name.c_str(), target.c_str()) == 0) return true;
    if (errno == ENOENT) return false;
    // No hard links here, or it is no file: then it moves, and the name is free until the good copy has it.
    if (::rename(name.c_str(), target.c_str()) != 0) throw_io(errno, "move to the trash", name);
    return true;
}

void BlobStore::discard_file(const std::filesystem::path& file) {
    make_folder(trash(), modes_.folder());
    const auto target = trash() / trash_name(random_hex(16));
    if (::rename(file.c_str(), target.c_str()) == 0 || errno == ENOENT) return;
    if (errno != EXDEV) throw_io(errno, "move to the trash", file);
    // Payloads have a disk of their own: the view's file is set aside where it is.
    std::string name = ".";
    name += file.filename().string() + ".replaced-" + random_hex(8);
    const auto aside = file.parent_path() / name;
    if (::rename(file.c_str(), aside.c_str()) != 0) throw_io(errno, "set aside", file);
}

void BlobStore::sweep_trash(std::int64_t grace_seconds, bool dry_run, const SweptCallback& tell) {
    const auto now_seconds = seconds_now();
    for_each_entry(trash(), [&](const std::filesystem::directory_entry& entry) {
        const auto name = entry.path().filename();
        if (digest_of_mark(name.native())) return;  // whether it is still needed the catalog knows
        Swept swept{.path = entry.path(), .size_bytes = size_of(entry.path())};
        Descriptor locked;
        if (is_temporary_file_name(name.native())) {
            swept.why = "a writer that died left it";
            swept.why_not = reason_to_stay(entry.path(), now_seconds, grace_seconds, locked);
        } else if (const auto removed_at = removed_at_seconds(name.native())) {
            swept.why = "its grace period is over";
            const auto left_seconds = grace_seconds - (now_seconds - *removed_at);
            if (left_seconds > 0) swept.why_not = "its grace period has " + std::to_string(left_seconds) + " s left";
        } else {
            swept.why_not = "this is nothing of ours";
        }
        if (swept.why_not.empty() && !dry_run && !remove_swept(swept)) return;
        tell(swept);
    });
}

void sweep_temporary_files(const std::filesystem::path& folder, bool dry_run, const SweptCallback& tell) {
    const auto now_seconds = seconds_now();
    for_each_entry(folder, [&](const std::filesystem::directory_entry& entry) {
        if (!is_temporary_file_name(entry.path().filename().native())) return;
        Swept swept{.path = entry.path(), .size_bytes = size_of(entry.path()), .why = "a writer that died left it"};
        Descriptor locked;
        swept.why_not = reason_to_stay(entry.path(), now_seconds, 0, locked);
        if (swept.why_not.empty() && !dry_run && !remove_swept(swept)) return;
        tell(swept);
    });
}

std::size_t BlobStore::sweep_trash(std::int64_t grace_seconds) {
    std::size_t count = 0;
    sweep_trash(grace_seconds, false, [&](const Swept& swept) {
        if (swept.why_not.empty()) ++count;
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
    using Type = std::filesystem::file_type;
    Listing listing;
    for_each_entry(blobs(), [&](const std::filesystem::directory_entry& folder) {
        const auto prefix = folder.path().filename();
        const auto type = type_of(folder);
        if (type == Type::not_found) return;
        if (!is_hex(prefix.native(), 2) || type != Type::directory) {
            listing.strangers.push_back(folder.path());
            return;
        }
        for_each_entry(folder.path(), [&](const std::filesystem::directory_entry& entry) {
            const auto name = entry.path().filename();
            const auto kind = type_of(entry);
            if (kind == Type::not_found) return;
            if (is_hex(name.native(), 64) && name.native().starts_with(prefix.native()) && kind == Type::regular) {
                listing.blobs.push_back(Digest::parse(name.native()));
            } else {
                listing.strangers.push_back(entry.path());
            }
        });
    });
    return listing;
}

}  // namespace custody::blobs
