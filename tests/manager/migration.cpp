#include "sqlite/migrations.hpp"

#include "base/canonical_json.hpp"
#include "manager/layout.hpp"
#include "manager/support.hpp"
#include "sqlite/connection.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

/// A store as the first version made it.
void make_old_store(const fs::path& base) {
    CHECK(ArtifactManager::init(base) == InitResult::created);
    const auto file = base / "storage/catalog.db";
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(file.string() + suffix);
    const auto connection = sqlite::open_connection(file, sqlite::Access::create);
    connection->execute(("PRAGMA application_id = " + std::to_string(sqlite::application_id)).c_str());
    const auto& first = sqlite::migrations().front();
    connection->execute(first.sql);
    sqlite::Query(*connection, "INSERT INTO schema_migrations VALUES (1, ?, ?, 'then')", first.name, first.sha256).run();
    connection->execute(
        "INSERT INTO store (store_key, store_id, epoch, created_at, payload_root, group_access, phi_guard, min_reader, "
        "min_writer) "
        "VALUES (1, '11111111-1111-4111-8111-111111111111', '0123456789abcdef', '2026-01-01T00:00:00.000000+00:00', NULL, 0, "
        "'off', 1, 1)");
    const json line = {{"action", "init"},
                       {"agent", {{"host", "n1"}, {"os_user", "svc"}, {"pid", 1}, {"program", "custody"}, {"uid", 0}}},
                       {"artifact_id", nullptr},
                       {"details",
                        {{"epoch", "0123456789abcdef"},
                         {"group_access", false},
                         {"payload_root", nullptr},
                         {"phi_guard", "off"},
                         {"store_id", "11111111-1111-4111-8111-111111111111"}}},
                       {"entry_id", "22222222-2222-4222-8222-222222222222"},
                       {"error_message", nullptr},
                       {"module", nullptr},
                       {"on_behalf_of", nullptr},
                       {"operation", "store"},
                       {"outcome", "done"},
                       {"purpose", nullptr},
                       {"run_id", nullptr},
                       {"seq", 1},
                       {"success", true},
                       {"timestamp", "2026-01-01T00:00:00.000000+00:00"},
                       {"user", "svc"}};
    sqlite::Query(*connection, "INSERT INTO audit_entries (seq, line) VALUES (1, ?)", base::canonical_json(line)).run();
    connection->execute("PRAGMA user_version = 1; PRAGMA journal_mode = WAL");
}

void check_entry(const fs::path& base) {
    Raw raw(base);
    CHECK(raw.number("SELECT count(*) FROM audit_entries") == 2);
    const auto entry = json::parse(raw.text("SELECT line FROM audit_entries WHERE seq = 2"));
    CHECK(entry.at("operation") == "store");
    CHECK(entry.at("action") == "migrate");
    CHECK(entry.at("user") == "admin");
    CHECK(entry.at("success") == true);
    const auto& details = entry.at("details");
    CHECK(details.at("from_version") == 1);
    CHECK(details.at("to_version") == sqlite::newest_version());
    CHECK(details.at("applied_at").size() == static_cast<std::size_t>(sqlite::newest_version()));
    CHECK(details.at("min_writer") == raw.number("SELECT min_writer FROM store"));
}

}  // namespace

TEST_CASE("an upgrade and its entry are one transaction, whichever way it was asked for") {
    const Scratch scratch;
    make_old_store(scratch / "a");
    CHECK(ArtifactManager::migrate(scratch / "a", {.actor = "admin"}) == sqlite::newest_version() - 1);
    check_entry(scratch / "a");
    CHECK(ArtifactManager::migrate(scratch / "a", {.actor = "admin"}) == 0);
    check_entry(scratch / "a");
    make_old_store(scratch / "b");
    { const ArtifactManager upgraded(scratch / "b", {.actor = "admin", .upgrade = true}); }
    check_entry(scratch / "b");
    CHECK(ArtifactManager(scratch / "b").verify().ok());
}

TEST_CASE("an older store that is opened for diagnosis is not written to") {
    const Scratch scratch;
    const auto base = scratch / "store";
    make_old_store(base);
    fs::create_directories(base / "storage/blobs");
    {
        ArtifactManager diagnosis(base, {.diagnose = true});
        const auto report = diagnosis.verify({.quick = true});
        CHECK_FALSE(report.audited);
        for (const auto& check : diagnosis.doctor()) {
            CAPTURE(check.name);
            CHECK((check.name == "space" || check.name == "clock" || check.severity != Finding::Severity::error));
        }
        CHECK_THROWS_AS(diagnosis.register_artifact_type(ArtifactType("extra"), Sensitivity::neutral), Error);
    }
    CHECK(Raw(base).number("SELECT count(*) FROM audit_entries") == 1);
}
