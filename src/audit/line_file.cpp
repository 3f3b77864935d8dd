#include "audit/line_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <custody/error.hpp>

namespace custody::audit {

namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 20U;

}  // namespace

LineFile::LineFile(const std::filesystem::path& file)
    : path_(file), file_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)), buffer_(piece_bytes) {
    struct stat status {};
    if (file_ && (::fstat(file_.get(), &status) != 0 || !S_ISREG(status.st_mode))) file_.reset();
}

bool LineFile::next(std::string_view& line) {
    if (too_long_) return false;
    std::size_t looked = begin_;
    for (;;) {
        const auto* feed = static_cast<const char*>(std::memchr(buffer_.data() + looked, '\n', end_ - looked));
        if (feed != nullptr) {
            const auto at = static_cast<std::size_t>(feed - buffer_.data());
            line = {buffer_.data() + begin_, at - begin_};
            begin_ = at + 1;
            return true;
        }
        const auto held = end_ - begin_;
        if (held > longest_line_bytes) {
            too_long_ = true;
            return false;
        }
        if (!at_end_ && fill()) {
            looked = begin_ + held;
            continue;
        }
        if (held == 0) return false;
        cut_ = true;
        line = {buffer_.data() + begin_, held};
        begin_ = end_;
        return true;
    }
}

// More bytes behind those that are held, which move to the front.
bool LineFile::fill() {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (buffer_.size() - end_ < piece_bytes / 2) buffer_.resize(buffer_.size() * 2);
    for (;;) {
        const auto got = ::read(file_.get(), buffer_.data() + end_, buffer_.size() - end_);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            const int code = errno;
            throw IoError("can't read " + path_.string() + ": " + std::strerror(code), code);
        }
        at_end_ = got == 0;
        end_ += static_cast<std::size_t>(got);
        return got > 0;
    }
}

}  // namespace custody::audit
