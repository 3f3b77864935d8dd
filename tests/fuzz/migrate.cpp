// Stores of older versions, with bytes of the database written over, or with rows that no version would have written.
#include <custody/artifact_manager.hpp>
#include <custody/error.hpp>
#include <memory>
#include <vector>

#include "old_store.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/migrations.hpp"
#include "support/catalog_content.hpp"

using namespace custody;

namespace {

/// A connection that knows nothing of custody, and to which no guard, check or reference means anything.
class Vandal {
   public:
    explicit Vandal(const OldStore& store) {
        sqlite3_open(store.catalog().c_str(), &handle_);
        sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
        execute("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON");
        sqlite3_create_function_v2(
            handle_, "custody_writer", 0, SQLITE_UTF8, nullptr, [](sqlite3_context*, int, sqlite3_value**) {}, nullptr, nullptr,
            nullptr);
    }
    Vandal(const Vandal&) = delete;
    Vandal& operator=(const Vandal&) = delete;
    ~Vandal() { sqlite3_close(handle_); }

    void execute(const std::string& sql) { sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr); }
    std::vector<std::string> names(const std::string& sql) {
        std::vector<std::string> names;
        sqlite3_stmt* statement = nullptr;
        sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr);
        while (sqlite3_step(statement) == SQLITE_ROW) {
            names.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)));
        }
        sqlite3_finalize(statement);
        return names;
    }

    /// { table, column, row, kind of value, length: 1 byte each; as many bytes of value }. What a table itself refuses (a type
    /// that STRICT doesn't take, a second row of a key) stays as it is.
    void edit(Bytes& input) {
        const auto tables = names("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1");
        const auto& table = tables[input.number(1) % tables.size()];
        const auto columns = names("SELECT name FROM pragma_table_info('" + table + "') ORDER BY cid");
        const auto& column = columns[input.number(1) % columns.size()];
        const auto row = std::to_string(input.number(1));
        const auto count = names("SELECT count(*) FROM " + table).front();
        const auto where = " WHERE (SELECT count(*) FROM " + table + " AS earlier WHERE earlier.rowid < " + table +
                           ".rowid) = " + row + " % max(1, " + count + ")";
        const auto kind = input.number(1) % 5;
        const std::string bytes(input.take(input.number(1)));
        sqlite3_stmt* statement = nullptr;
        const auto sql =
            kind == 0 ? "DELETE FROM " + table + where : "UPDATE OR IGNORE " + table + " SET " + column + " = ?1" + where;
        if (sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) return;  // a table without rowid
        if (kind == 1) sqlite3_bind_text(statement, 1, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
        if (kind == 2) sqlite3_bind_blob(statement, 1, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
        if (kind == 3) sqlite3_bind_int64(statement, 1, static_cast<sqlite3_int64>(Bytes(bytes).number(8)));
        sqlite3_step(statement);  // a fourth kind: NULL
        sqlite3_finalize(statement);
    }

   private:
    sqlite3* handle_ = nullptr;
};

void spoil(const OldStore& store, Bytes input) {
    if (input.number(1) % 2 == 0) return store.put(with_patches(store.pristine(), input));
    store.put(store.pristine());
    Vandal vandal(store);
    while (!input.empty()) vandal.edit(input);
    vandal.execute("PRAGMA wal_checkpoint(TRUNCATE)");
}

std::vector<std::filesystem::path> copies(const OldStore& store) {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(store.base() / "storage")) {
        if (entry.path().filename().string().starts_with("catalog.db.v")) found.push_back(entry.path());
    }
    return found;
}

void check_migrated(const OldStore& store) {
    const auto connection = sqlite::open_connection(store.catalog(), sqlite::Access::read_only);
    require(sqlite::schema_differences(*connection, sqlite::newest_version()).empty(), "an upgrade ends with the newest schema");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto stores = [] {
        std::vector<std::unique_ptr<OldStore>> all;
        for (int version = 1; version < sqlite::newest_version(); ++version) all.push_back(std::make_unique<OldStore>(version));
        return all;
    }();
    Bytes input(text_of(data, size));
    const auto& store = *stores[input.number(1) % stores.size()];
    spoil(store, input);
    const auto said = testing::catalog_content(store.catalog());
    bool upgraded = false;
    try {
        (void)ArtifactManager::migrate(store.base(), {.create = false, .lock_timeout = std::chrono::milliseconds(0)});
        upgraded = true;
    } catch (const Error&) {
    }
    if (upgraded) check_migrated(store);
    const auto kept = copies(store);
    require(kept.size() <= 1, "an upgrade keeps one copy");
    require(!upgraded || kept.size() == 1, "an upgrade keeps a copy");
    for (const auto& copy : kept) require(testing::catalog_content(copy) == said, "the copy says what the store said before");
    if (kept.empty()) require(testing::catalog_content(store.catalog()) == said, "what has no copy is as it was");
    return 0;
}
