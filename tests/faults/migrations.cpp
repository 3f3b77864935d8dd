// Upgrades: every version that ever was becomes the newest, as if it had been made so; two processes upgrade at once while others
// have the store open. (What a kill or an error does to an upgrade the sweeps tell: it is one of their operations.)
//
// With --write-golden=FILE it writes the store of the newest version that the last golden one becomes, as SQL: a new migration
// gets its file in tests/sqlite/golden/ this way.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <custody/error.hpp>

#include "faults/support/program.hpp"
#include "faults/support/state.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/migrations.hpp"
#include "support/old_store.hpp"

using namespace custody;
using namespace custody::faults;
namespace fs = std::filesystem;

namespace {

constexpr const char* usage =
    "usage: faults_migrations [--rounds=N] [--write-golden=FILE]\nN (5) rounds of upgrades at once, for each version.\n";

std::string schema_of(const World& world) {
    const auto connection = sqlite::open_connection(world.store() / "storage/catalog.db", sqlite::Access::read_write);
    std::string text;
    sqlite::Query query(*connection,
                        "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_schema "
                        "WHERE name NOT GLOB 'sqlite_stat*' ORDER BY type, name");
    while (query.step()) text += query.text(0) + "\n";
    return text;
}

bool is_golden(int version) { return fs::exists(testing::old_dump(version)); }

World old_world(const fs::path& root, int version) {
    fs::remove_all(root);
    const World world(root);
    fs::create_directories(world.outside());
    testing::make_old_store(world.store(), version);
    return world;
}

std::size_t count_upgrades(const State& state) {
    return static_cast<std::size_t>(
        std::count_if(state.entries.begin(), state.entries.end(), [](const auto& entry) { return entry.action == "migrate"; }));
}

/// Alone: the schema of a new store, the old rows, one entry.
void check_alone(const Folder& folder, int version, const std::string& fresh, Problems& problems) {
    const auto world = old_world(folder.path() / "alone", version);
    const auto old = state_of(world);
    const auto before = old.entries.size();
    const int applied = ArtifactManager::migrate(world.store());
    if (applied != sqlite::newest_version() - version) problems.push_back(std::to_string(applied) + " migrations were applied");
    if (schema_of(world) != fresh) problems.emplace_back("its schema is not that of a new store");
    const auto after = state_of(world);
    const std::size_t expected = version == sqlite::newest_version() ? 0 : 1;
    if (count_upgrades(after) != count_upgrades(old) + expected || after.entries.size() != before + expected) {
        problems.emplace_back("the upgrade has not its one entry");
    }
    check_store(world, problems);
}

template <class Body>
pid_t in_child(const Body& body) {
    const auto child = ::fork();
    if (child != 0) return child;
    try {
        body();
    } catch (const std::exception& error) {
        std::cerr << error.what() << std::endl;
        ::_exit(1);
    }
    ::_exit(0);
}

/// Two upgrade at once, while a third has the old store open, and reads.
void check_at_once(const Folder& folder, int version, Problems& problems) {
    const auto world = old_world(folder.path() / "at-once", version);
    const auto old = state_of(world);
    const auto before = old.entries.size();
    std::vector<pid_t> children;
    for (int i = 0; i < 2; ++i) children.push_back(in_child([&] { (void)ArtifactManager::migrate(world.store()); }));
    children.push_back(in_child([&] {
        for (int i = 0; i < 20; ++i) {
            try {
                ArtifactManager reader(world.store(), {.diagnose = true});
                (void)reader.doctor();
            } catch (const VersionMismatch&) {
                // It was upgraded under this reader, which is told so.
            }
        }
    }));
    for (const auto child : children) {
        int status = 0;
        ::waitpid(child, &status, 0);
        if (status != 0) problems.push_back("one of those at once ended with " + std::to_string(status));
    }
    const auto after = state_of(world);
    const auto upgrades = count_upgrades(after) - count_upgrades(old);
    if (upgrades != 1) problems.push_back(std::to_string(upgrades) + " entries of the upgrade");
    if (after.entries.size() != before + 1) problems.emplace_back("entries too few or too many");
    check_store(world, problems);
}

int write_golden(const std::string& file) {
    const Folder folder;
    int version = sqlite::newest_version();
    while (version > 1 && !is_golden(--version)) {
    }
    const auto world = old_world(folder.path() / "golden", version);
    (void)ArtifactManager::migrate(world.store());
    const auto dump = (folder.path() / "dump").string();
    const auto command = "sqlite3 -batch '" + (world.store() / "storage/catalog.db").string() + "' .dump >'" + dump + "'";
    if (std::system(command.c_str()) != 0) return 1;
    const auto newest = std::to_string(sqlite::newest_version());
    spill(file, "-- A store of schema version " + newest + ", as that version left it. Never changed.\nPRAGMA application_id = " +
                    std::to_string(sqlite::application_id) + ";\nPRAGMA user_version = " + newest + ";\n" + slurp(dump));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const CommandLine line(argc, argv, usage);
    if (line.has("write-golden")) return write_golden(line.text("write-golden"));
    Verdicts verdicts;
    const Folder folder;
    const World fresh(folder.path() / "fresh");
    { ArtifactManager made(fresh.store(), {.actor = "harness"}); }
    const auto schema = schema_of(fresh);
    std::uint64_t upgrades = 0;
    for (int version = 1; version <= sqlite::newest_version(); ++version) {
        Problems problems;
        try {
            if (!is_golden(version))
                throw std::runtime_error("has no file in tests/sqlite/golden: faults_migrations --write-golden=FILE");
            check_alone(folder, version, schema, problems);
            for (std::uint64_t round = 0; version < sqlite::newest_version() && round < line.number("rounds", 5); ++round) {
                check_at_once(folder, version, problems);
                ++upgrades;
            }
        } catch (const std::exception& error) {
            problems.emplace_back(error.what());
        }
        verdicts.add("version " + std::to_string(version), problems);
    }
    std::cout << sqlite::newest_version() << " versions, " << upgrades << " upgrades by two processes at once" << std::endl;
    return verdicts.finish();
}
