// Making a database: under another name, whole, and only then under its own.

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <custody/error.hpp>
#include <string>
#include <vector>

#include "base/hex.hpp"
#include "base/random.hpp"
#include "sqlite/database.hpp"
#include "sqlite/files.hpp"
#include "sqlite/migrations.hpp"

namespace custody::sqlite {

namespace {

// Builds the database at `draft`, where nobody else looks.
void build(const std::filesystem::path& draft, unsigned mode, const std::function<void(Connection&)>& fill) {
    make_empty_file(draft, mode);  // SQLite gives -wal and -shm the same permissions
    const auto connection = open_connection(draft, Access::create);
    connection->execute(("PRAGMA page_size = 4096; PRAGMA application_id = " + std::to_string(application_id)).c_str());
    migrate(*connection);
    connection->execute("BEGIN IMMEDIATE");
    fill(*connection);
    connection->execute("COMMIT");
    connection->clear_statements();
    connection->execute("PRAGMA journal_mode = WAL");
}

}  // namespace

bool Database::create(const std::filesystem::path& file, unsigned mode, const std::function<void(Connection&)>& fill) {
    std::uint8_t random[8];
    base::random_bytes(random);
    const std::filesystem::path draft = file.string() + ".new-" + base::to_hex(random);
    std::vector<std::string> names;  // made beforehand: there may be no memory for them when they are to go
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) names.push_back(draft.string() + suffix);
    const auto remove_draft = [&] {
        for (const auto& name : names) ::unlink(name.c_str());
    };
    try {
        build(draft, mode, fill);
        sync_file_and_folder(draft);
        const bool first = ::link(draft.c_str(), file.c_str()) == 0;
        if (!first && errno != EEXIST) {
            const int code = errno;
            throw IoError("can't name " + file.string() + ": " + std::strerror(code), code);
        }
        remove_draft();
        sync_folder_of(file);
        return first;
    } catch (...) {
        remove_draft();
        throw;
    }
}

}  // namespace custody::sqlite
