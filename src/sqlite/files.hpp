#pragma once

#include <filesystem>

namespace custody::sqlite {

/// The permissions that the store gave its catalog; what is made beside it gets the same.
unsigned mode_beside(const std::filesystem::path& file);

/// A new file with exactly these permissions, whatever the umask. @throws IoError, also where it is there
void make_empty_file(const std::filesystem::path& file, unsigned mode);

/// Makes the names in a file's folder durable: SQLite ignores it when this fails. @throws IoError
void sync_folder_of(const std::filesystem::path& file);

/// Makes a file durable that no connection of this process has open, and its name. @throws IoError
void sync_file_and_folder(const std::filesystem::path& file);

/// Gives a file that is durable its name, or the first of name-2, name-3 … that is free; nothing is replaced. @throws IoError
void rename_to_free_name(const std::filesystem::path& file, const std::filesystem::path& name);

}  // namespace custody::sqlite
