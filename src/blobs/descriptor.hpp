#pragma once

#include <unistd.h>

#include <cstddef>
#include <utility>

namespace custody::blobs {

/// Owns a file descriptor.
class Descriptor {
   public:
    Descriptor() noexcept = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~Descriptor() { reset(); }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    /// Gives it up without closing it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    void reset() noexcept {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

   private:
    int fd_ = -1;
};

/// Has the kernel's table of this process's descriptors hold `count` more at once, as far as the limit of open files allows. It
/// doubles by itself, and once a process has threads each doubling waits until every core has passed (synchronize_rcu in
/// fs/file.c), some 10 ms; so call it before the threads that open the files are there.
void make_room_for_descriptors(std::size_t count) noexcept;

}  // namespace custody::blobs
