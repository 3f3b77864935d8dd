#pragma once

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "property.hpp"
#include "support/old_store.hpp"

/// Reads numbers and bytes off the front of an input; zeros past its end.
class Bytes {
   public:
    explicit Bytes(std::string_view rest) : rest_(rest) {}
    [[nodiscard]] bool empty() const { return rest_.empty(); }
    std::uint64_t number(std::size_t bytes) {
        std::uint64_t value = 0;
        for (const auto c : take(bytes)) value = value << 8U | static_cast<unsigned char>(c);
        return value;
    }
    std::string_view take(std::size_t count) {
        const auto taken = rest_.substr(0, count);
        rest_.remove_prefix(taken.size());
        return taken;
    }

   private:
    std::string_view rest_;
};

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    require(file.is_open(), "the file can be read");
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A store as a version of the schema left it: in a folder of this process, put back before each input.
class OldStore {
   public:
    explicit OldStore(int version) {
        auto name = (std::filesystem::temp_directory_path() / "custody-fuzz-XXXXXX").string();
        require(::mkdtemp(name.data()) != nullptr, "there is a folder for temporary files");
        base_ = name;
        custody::testing::make_old_store(base_, version);
        pristine_ = read_file(catalog());
        sqlite3* handle = nullptr;
        const auto take_time = [](void* store, int, char** values, char**) {
            static_cast<OldStore*>(store)->payload_mtime_ns_ = std::stoll(values[0]);
            return 0;
        };
        sqlite3_open(catalog().c_str(), &handle);
        sqlite3_exec(handle, "SELECT mtime_ns FROM payloads", take_time, this, nullptr);
        sqlite3_close(handle);
        require(payload_mtime_ns_ != 0, "the store knows its payload");
    }
    OldStore(const OldStore&) = delete;
    OldStore& operator=(const OldStore&) = delete;
    ~OldStore() { std::filesystem::remove_all(base_); }

    [[nodiscard]] const std::filesystem::path& base() const { return base_; }
    [[nodiscard]] std::filesystem::path catalog() const { return base_ / "storage/catalog.db"; }
    [[nodiscard]] const std::string& pristine() const { return pristine_; }

    /// The store with nothing in it but its payload, as old as its record says, and this as its database.
    void put(std::string_view database) const {
        std::filesystem::remove_all(base_);
        custody::testing::make_old_store(base_, database);
        const struct timespec time { payload_mtime_ns_ / 1'000'000'000, payload_mtime_ns_ % 1'000'000'000 };
        const struct timespec times[] = {time, time};
        for (const auto& entry : std::filesystem::recursive_directory_iterator(base_ / "storage/blobs")) {
            if (entry.is_regular_file()) ::utimensat(AT_FDCWD, entry.path().c_str(), times, 0);
        }
    }

   private:
    std::filesystem::path base_{};
    std::string pristine_{};
    std::int64_t payload_mtime_ns_ = 0;
};

/// Bytes of the database written over, at places that the input names: { place, 3 bytes; count, 1 byte; as many bytes }.
inline std::string with_patches(std::string database, Bytes input) {
    while (!input.empty()) {
        const auto at = input.number(3) % database.size();
        const auto bytes = input.take(input.number(1));
        for (std::size_t i = 0; i < bytes.size() && at + i < database.size(); ++i) database[at + i] = bytes[i];
    }
    return database;
}
