#pragma once

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/sha256.hpp"

namespace custody::testing {

inline std::filesystem::path old_dump(int version) {
    return std::filesystem::path(CUSTODY_SOURCE_DIR) / "tests/sqlite/golden" / ("version_" + std::to_string(version) + ".dump");
}

/// The folders of a store and the one payload that every kept dump names, and this as its database.
inline void make_old_store(const std::filesystem::path& base, std::string_view database) {
    namespace fs = std::filesystem;
    const std::string content = "the payload of an old store";
    const auto digest = base::sha256(content).hex();
    const auto storage = base / "storage";
    const auto folder = storage / "blobs" / digest.substr(0, 2);
    for (const auto& each : {folder, storage / "trash", storage / "temp", storage / "artifacts", base / "audit"}) {
        fs::create_directories(each);
    }
    fs::permissions(base, fs::perms::owner_all);
    for (const auto& each : fs::recursive_directory_iterator(base)) fs::permissions(each, fs::perms::owner_all);
    const auto write = [](const fs::path& path, std::string_view bytes, fs::perms permissions) {
        std::ofstream out(path, std::ios::binary);
        if (!(out << bytes).flush()) throw std::runtime_error("can't write " + path.string());
        fs::permissions(path, permissions);
    };
    write(folder / digest, content, fs::perms::owner_read);
    write(storage / "catalog.db", database, fs::perms::owner_read | fs::perms::owner_write);
}

/// A store as a version of the schema left it, from the kept dumps.
inline void make_old_store(const std::filesystem::path& base, int version) {
    make_old_store(base, std::string_view());
    std::ifstream in(old_dump(version), std::ios::binary);
    if (!in) throw std::runtime_error("can't read " + old_dump(version).string());
    const std::string sql(std::istreambuf_iterator<char>(in), {});
    sqlite3* handle = nullptr;
    const bool done = sqlite3_open((base / "storage/catalog.db").c_str(), &handle) == SQLITE_OK &&
                      sqlite3_exec(handle, (sql + "PRAGMA journal_mode = WAL;").c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
    const std::string message = sqlite3_errmsg(handle);
    sqlite3_close(handle);
    if (!done) throw std::runtime_error("can't load " + old_dump(version).string() + ": " + message);
}

}  // namespace custody::testing
