#pragma once

#include <filesystem>
#include <string_view>

namespace custody::blobs {

/// Throws IoError "can't <what> <path>: <the system's reason>; <what to do>". `code` is an errno.
[[noreturn]] void throw_io(int code, std::string_view what, const std::filesystem::path& path);

/// Throws IoError (EEXIST): what is there is not ours to overwrite.
[[noreturn]] void throw_exists(const std::filesystem::path& path);

/// Throws IoError: the file was written to while it was read, so that the copy would be of no one state of it.
[[noreturn]] void throw_changed(const std::filesystem::path& path);

}  // namespace custody::blobs
