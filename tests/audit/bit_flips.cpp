// Every bit of a small trail flipped in turn, as it lies in the tables: each flip is found.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <custody/artifact_manager.hpp>
#include <fstream>

#include "audit/trail_check.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

#ifdef CUSTODY_LONG_TESTS
constexpr std::size_t stride = 1;
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t stride = 211;
#else
constexpr std::size_t stride = 7;  // bits; the long tests flip every one
#endif

/// A database in which everything goes: no guards, no checks, so that only the trail itself stands against an edit.
class Bare {
   public:
    explicit Bare(const std::filesystem::path& file) : connection_(sqlite::open_connection(file, sqlite::Access::read_write)) {
        sqlite3_set_authorizer(connection_->handle(), nullptr, nullptr);
        connection_->execute("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF");
        sqlite::Query query(*connection_, "SELECT store_id, epoch FROM store");
        query.step();
        store_ = query.text(0);
        epoch_ = query.text(1);
    }
    sqlite::Connection& connection() { return *connection_; }
    bool sound(const std::vector<std::string>& keys) {
        TrailReport report;
        try {
            audit::check_trail(*connection_, store_, epoch_, {.keys = keys}, report);
        } catch (const Error&) {
            return false;
        }
        return report.ok();
    }

   private:
    std::unique_ptr<sqlite::Connection> connection_;
    std::string store_, epoch_;
};

struct Column {
    const char* table;
    const char* key;  ///< an expression that names one row
    const char* column;
    bool text;
};

struct Count {
    std::size_t flipped = 0, found = 0, refused = 0;
};

std::vector<std::pair<std::string, std::string>> cells(sqlite::Connection& connection, const Column& column) {
    std::vector<std::pair<std::string, std::string>> all;
    sqlite::Query query(connection,
                        std::string("SELECT ") + column.key + ", CAST(" + column.column + " AS BLOB) FROM " + column.table);
    while (query.step()) all.emplace_back(query.text(0), query.text(1));
    return all;
}

/// Puts a value into one cell; false where SQLite can't hold it there at all.
bool put(sqlite::Connection& connection, const Column& column, const std::string& key, const std::string& value) {
    const std::string cast = column.text ? "CAST(? AS TEXT)" : "?";
    try {
        sqlite::Query query(connection, std::string("UPDATE ") + column.table + " SET " + column.column + " = " + cast +
                                            " WHERE " + column.key + " = ?");
        query.bind(1, std::span<const std::uint8_t>(reinterpret_cast<const std::uint8_t*>(value.data()), value.size()));
        query.bind(2, key);
        return query.run() == 1;
    } catch (const Error&) {
        return false;
    }
}

void flip_column(Bare& bare, const Column& column, const std::vector<std::string>& keys, Count& count) {
    auto& connection = bare.connection();
    for (const auto& [key, value] : cells(connection, column)) {
        for (std::size_t bit = count.flipped % stride; bit < value.size() * 8; bit += stride) {
            auto flipped = value;
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
            connection.execute("BEGIN");
            const bool held = put(connection, column, key, flipped);
            CAPTURE(column.table);
            CAPTURE(column.column);
            CAPTURE(bit);
            const bool sound = held && bare.sound(keys);
            connection.execute("ROLLBACK");
            ++count.flipped;
            count.found += held && !sound ? 1 : 0;
            count.refused += held ? 0 : 1;
            REQUIRE_FALSE(sound);
        }
    }
}

/// A store with texts of every kind, a key, a seal, and enough entries for a tile.
std::vector<std::string> fill(const std::filesystem::path& base, std::size_t entries) {
    ArtifactManager manager(base / "store");
    auto trail = manager.audit();
    const auto key = trail.make_signing_key(base / "key");
    auto run = manager.start_processing_run({{"pipeline", "x"}});
    const auto made =
        manager.create_artifact({.type = ArtifactType::text_raw, .content = "t", .file_name = "n", .metadata = {{"a", 1}}});
    manager.update_artifact_status(made.id, ArtifactStatus::failed, "codec");
    run.end();
    (void)trail.seal(base / "key");
    for (std::size_t i = 0; i < entries; ++i) (void)manager.create_artifact({.type = ArtifactType::log});
    return {key};
}

}  // namespace

TEST_CASE("every bit of lines, openings, salts, head, keys and checkpoints that flips is found") {
    const Scratch scratch;
    const auto keys = fill(scratch.path(), 2);
    Bare bare(scratch / "store/storage/catalog.db");
    REQUIRE(bare.sound(keys));
    Count count;
    for (const Column& column : std::initializer_list<Column>{{"audit_entries", "seq", "line", true},
                                                              {"audit_openings", "seq || pointer", "salt", false},
                                                              {"audit_openings", "seq || pointer", "text", true},
                                                              {"audit_openings", "seq || pointer", "pointer", true},
                                                              {"artifacts", "artifact_key", "metadata", true},
                                                              {"artifacts", "artifact_key", "metadata_salt", false},
                                                              {"artifacts", "artifact_key", "file_name", true},
                                                              {"runs", "run_key", "configuration", true},
                                                              {"runs", "run_key", "configuration_salt", false},
                                                              {"audit_tree", "tree_key", "frontier", false},
                                                              {"audit_keys", "public_key", "verifier_key", true},
                                                              {"audit_keys", "verifier_key", "public_key", true},
                                                              {"audit_keys", "public_key", "epoch", true},
                                                              {"audit_checkpoints", "size", "note", true},
                                                              {"audit_checkpoints", "size", "public_key", true},
                                                              {"audit_checkpoints", "size", "epoch", true}}) {
        flip_column(bare, column, keys, count);
    }
    // Numbers, by their bits too.
    for (const char* sql :
         {"UPDATE audit_tree SET size = size + (1 << %d)", "UPDATE audit_keys SET seq = seq + (1 << %d)",
          "UPDATE audit_checkpoints SET size = size + (1 << %d)", "UPDATE audit_openings SET seq = seq + (1 << %d)",
          "UPDATE audit_entries SET seq = seq + (1 << %d) WHERE seq = 4"}) {
        for (int bit = 3; bit < 40; ++bit) {
            char statement[200];
            std::snprintf(statement, sizeof statement, sql, bit);
            bare.connection().execute("BEGIN");
            bare.connection().execute(statement);
            const bool sound = bare.sound(keys);
            bare.connection().execute("ROLLBACK");
            CAPTURE(statement);
            ++count.flipped;
            count.found += sound ? 0 : 1;
            REQUIRE_FALSE(sound);
        }
    }
    MESSAGE(count.flipped << " bits flipped: " << count.found << " found, " << count.refused << " that the column can't hold");
    CHECK(count.flipped == count.found + count.refused);
    CHECK(bare.sound(keys));
}

TEST_CASE("every bit of a tile that flips is found") {
    const Scratch scratch;
    const auto keys = fill(scratch.path(), 260);
    Bare bare(scratch / "store/storage/catalog.db");
    REQUIRE(bare.sound(keys));
    Count count;
    auto& connection = bare.connection();
    const Column column{"audit_tiles", "level || '/' || tile_index", "hashes", false};
    constexpr std::size_t step = stride == 1 ? 1 : 499;  // each flip costs a walk through all entries
    for (const auto& [key, value] : cells(connection, column)) {
        for (std::size_t bit = 0; bit < value.size() * 8; bit += step) {
            auto flipped = value;
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
            connection.execute("BEGIN");
            REQUIRE(put(connection, column, key, flipped));
            const bool sound = bare.sound(keys);
            connection.execute("ROLLBACK");
            ++count.flipped;
            REQUIRE_FALSE(sound);
        }
    }
    MESSAGE(count.flipped << " bits of tiles flipped, each found");
    CHECK(count.flipped > 20);
}
