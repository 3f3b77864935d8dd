#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "blobs/abilities.hpp"
#include "blobs/descriptor.hpp"

namespace custody::blobs {

/// A file that is being written and has no name yet (O_TMPFILE), so that whatever happens nothing is left behind; where the
/// system refuses that, one with a temporary name, locked (flock) while it is written so that a sweep leaves it alone.
class Incoming {
   public:
    /// What became of an attempt to give it a name.
    enum class Placed {
        done,
        exists,  ///< the name is taken
        refused  ///< the system can't name an open file: write it anew with make_named()
    };

    /// Nameless in `folder`, else named in `aside` (same file system); `mode` exactly, whatever the umask. @throws IoError
    static Incoming make(const std::filesystem::path& folder, const std::filesystem::path& aside, unsigned mode,
                         const Abilities& abilities);
    static Incoming make_named(const std::filesystem::path& aside, unsigned mode, const Abilities& abilities);
    /// Takes over an open file; `shown` stands for it in messages.
    Incoming(Descriptor file, std::filesystem::path shown, std::filesystem::path aside, const Abilities& abilities) noexcept;

    Incoming(Incoming&& other) noexcept;
    Incoming& operator=(Incoming&& other) noexcept;
    ~Incoming() { remove_name(); }

    [[nodiscard]] int get() const noexcept { return file_.get(); }
    /// Empty while it has none.
    [[nodiscard]] const std::filesystem::path& temporary_name() const noexcept { return name_; }
    /// For messages: its temporary name, or the folder it is written in.
    [[nodiscard]] const std::filesystem::path& shown() const noexcept { return name_.empty() ? shown_ : name_; }

    /// Gives it `name` unless that is taken. @throws IoError (ENOENT where the folder is missing)
    Placed place(const std::filesystem::path& name);
    /// Gives it `name`, whatever (but a folder) is there. @throws IoError
    Placed replace(const std::filesystem::path& name);
    /// Swaps it with what has `name`: the temporary name is then that one's. @throws IoError
    void exchange(const std::filesystem::path& name);
    /// Lets go of it: what has no name is gone.
    void close() noexcept {
        remove_name();
        file_.reset();
    }
    /// Forgets the temporary name without unlinking it.
    void release_name() noexcept { name_.clear(); }

   private:
    Incoming() = default;
    Placed link_open_file(const std::filesystem::path& name);
    Placed place_named(const std::filesystem::path& name);
    void remove_name() noexcept;

    Descriptor file_;
    std::filesystem::path shown_;
    std::filesystem::path aside_;  ///< where temporary names are
    std::filesystem::path name_;
    Abilities abilities_;
    pid_t owner_ = 0;  ///< a forked child must not take the parent's name away
};

/// `incoming-` and 32 random hexadecimal digits: the temporary names.
std::string temporary_file_name();
/// Whether a file name is one of those.
bool is_temporary_file_name(std::string_view name);
/// `count` random bytes in hexadecimal.
std::string random_hex(std::size_t count);

}  // namespace custody::blobs
