#include "blobs/moving_mark.hpp"

#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include <custody/error.hpp>

#include "blobs/durable.hpp"
#include "blobs/errors.hpp"
#include "blobs/file_lock.hpp"
#include "blobs/incoming.hpp"

namespace custody::blobs {

namespace {

constexpr std::string_view prefix = "moving-";
constexpr std::size_t hex_size = 64;
constexpr std::size_t random_size = 16;
constexpr std::int64_t day_seconds = 86400;

}  // namespace

MovingMark::MovingMark(const std::filesystem::path& trash, const Digest& digest, const std::filesystem::path& source)
    : name_(trash / (std::string(prefix) + digest.hex() + "-" + random_hex(random_size / 2))) {
    if (::symlink(source.c_str(), name_.c_str()) != 0) throw_io(errno, "make", name_);
    try {
        sync_folder(trash);
    } catch (...) {
        remove();
        throw;
    }
}

void MovingMark::remove() noexcept {
    if (!name_.empty()) ::unlink(name_.c_str());
    name_.clear();
}

std::optional<Digest> digest_of_mark(std::string_view file_name) {
    if (file_name.size() != prefix.size() + hex_size + 1 + random_size || !file_name.starts_with(prefix)) return std::nullopt;
    const auto hex = file_name.substr(prefix.size(), hex_size);
    const auto rest = file_name.substr(prefix.size() + hex_size);
    const auto is_hex = [](std::string_view text) {
        return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    };
    if (!is_hex(hex) || rest.front() != '-' || !is_hex(rest.substr(1))) return std::nullopt;
    return Digest::parse(std::string(hex));
}

bool lock_moved(int file) { return try_lock(file) || errno != EWOULDBLOCK; }

void unlock_moved(int file) noexcept { ::flock(file, LOCK_UN); }

bool was_left(int file, std::int64_t marked_at_seconds) {
    if (try_lock(file)) return true;
    return errno != EWOULDBLOCK && is_old_mark(marked_at_seconds);
}

bool is_old_mark(std::int64_t marked_at_seconds) { return ::time(nullptr) - marked_at_seconds >= day_seconds; }

}  // namespace custody::blobs
