#include "sqlite/copy.hpp"

#include "sqlite/files.hpp"

namespace custody::sqlite {

namespace {

// VACUUM INTO takes an empty file as it is, with its permissions; by itself it would give the umask's.
void vacuum_into(Connection& connection, const std::filesystem::path& to, unsigned mode) {
    make_empty_file(to, mode);
    Query(connection, "VACUUM INTO ?", to.string()).run();
    sync_file_and_folder(to);
}

}  // namespace

void copy_database(const std::filesystem::path& from, const std::filesystem::path& to, unsigned mode) {
    vacuum_into(*open_connection(from, Access::read_write), to, mode);
}

void rewrite_database(const std::filesystem::path& from, const std::filesystem::path& to, unsigned mode,
                      const std::function<void(Connection&)>& change) {
    const auto connection = open_connection(from, Access::read_write);
    connection->execute("BEGIN IMMEDIATE");
    change(*connection);
    connection->execute("COMMIT");
    vacuum_into(*connection, to, mode);
}

}  // namespace custody::sqlite
