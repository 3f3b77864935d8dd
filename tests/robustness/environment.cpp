// What the machine may do to a store: no room, no permission, read-only media, files that are gone or cut.
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <map>
#include <sstream>

#include "robustness/support.hpp"
#include "support/mount.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

std::map<std::string, std::string> bytes_of(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) files[entry.path().string()] = slurp(entry.path());
    }
    return files;
}

ArtifactId fill_store(const fs::path& store) {
    ArtifactManager manager(store);
    return manager.create_artifact({.type = ArtifactType::video_raw, .content = std::string(10000, 'v')}).id;
}

}  // namespace

TEST_CASE("a full disk is said to be full, nothing is lost, and it goes on when there is room") {
    const Scratch scratch;
    Mount mount(scratch / "disk");
    if (!mount.tmpfs("size=6m")) return;
    const auto store = mount.where / "store";
    const auto first = fill_store(store);
    {
        ArtifactManager manager(store);
        fill_up(mount.where / "filler");
        int code = 0;
        std::string message;
        try {
            (void)manager.create_artifact({.type = ArtifactType::log, .content = std::string(200000, 'l')});
        } catch (const IoError& error) {
            code = error.code();
            message = error.what();
        }
        CHECK(code == ENOSPC);
        CHECK(contains(message, "free some space"));
        // So full that not even small changes can be written.
        for (int i = 0; i < 200; ++i) {
            try {
                (void)manager.create_artifact({.type = ArtifactType::metadata, .metadata = {{"text", std::string(30000, 'm')}}});
            } catch (const IoError& error) {
                CHECK(error.code() == ENOSPC);
                message = error.what();
                break;
            }
        }
        CHECK(contains(message, "full"));
        bool told = false;
        for (const auto& check : manager.doctor()) {
            told = told || (check.name == "space" && check.severity == Finding::Severity::error);
        }
        CHECK(told);
        fs::remove(mount.where / "filler");
        const auto second = manager.create_artifact({.type = ArtifactType::log, .content = std::string(200000, 'l')});
        CHECK(manager.get_artifact_file(second.id, true).has_value());
        CHECK(manager.get_artifact_file(first, true).has_value());
        const auto report = manager.verify();
        CHECK(report.ok());
        CHECK(count_findings(report, "stranger") == 0);
    }
    CHECK(count_entries(store, "outcome = 'failed' OR json_extract(line, '$.details.unrecorded') IS NOT NULL") >= 1);
    check_store(store);
}

TEST_CASE("a store can be opened on a disk that is full already") {
    const Scratch scratch;
    Mount mount(scratch / "disk");
    if (!mount.tmpfs("size=6m")) return;
    const auto store = mount.where / "store";
    const auto first = fill_store(store);
    take_away_log(store);
    fill_up(mount.where / "filler");
    const auto ran = drive("create " + quoted(store) + " 'content'");
    CAPTURE(ran.err);
    CHECK((ran.exit_code == 1 || ran.exit_code == 2));  // an error that says so, and no signal
    CHECK((contains(ran.err, "space") || contains(ran.err, "full")));
    fs::remove(mount.where / "filler");
    ArtifactManager manager(store);
    CHECK(manager.get_artifact_file(first, true).has_value());
    CHECK(manager.verify().ok());
}

TEST_CASE("a read-only store is refused for work, and can be diagnosed without a byte of it changing") {
    const Scratch scratch;
    const auto store = scratch / "store";
    const auto id = fill_store(store);
    SUBCASE("with its log") {}
    SUBCASE("without its log") {
        for (const char* suffix : {"-wal", "-shm"}) fs::remove((store / "storage/catalog.db").string() + suffix);
    }
    Mount mount(scratch / "read-only");
    if (!mount.read_only_of(store)) return;
    const auto before = bytes_of(store);
    const auto message = message_of<IoError>([&] {
        ArtifactManager manager(mount.where);
        (void)manager.create_artifact({.type = ArtifactType::log, .content = "x"});
    });
    CAPTURE(message);
    CHECK(contains(message, "read-only"));
    {
        ArtifactManager manager(mount.where, {.diagnose = true});
        const auto report = manager.verify();
        CHECK(report.ok());
        CHECK_FALSE(report.audited);
        CHECK(report.artifacts == 1);
        CHECK(report.payloads_hashed == 1);
        bool said = false;
        for (const auto& check : manager.doctor()) {
            if (check.name == "catalog" && contains(check.message, "is on read-only media")) said = true;
        }
        CHECK(said);
        CHECK_THROWS_AS((void)manager.create_artifact({.type = ArtifactType::log, .content = "x"}), IoError);
        CHECK_THROWS_AS((void)manager.get_artifact(id), IoError);  // a read that can't be recorded is not answered
        CHECK_THROWS_AS((void)manager.get_artifact_file(id), IoError);
    }
    CHECK(bytes_of(store) == before);
}

TEST_CASE("somebody else's store is refused with what is wrong, and left as it is") {
    if (::geteuid() != 0) {
        MESSAGE("skipped: only root can become somebody else");
        return;
    }
    const Scratch scratch;
    const auto store = scratch / "store";
    (void)fill_store(store);
    const auto before = bytes_of(store);
    fs::permissions(scratch.path(), fs::perms(0755));
    fs::copy_file(STORE_DRIVER, scratch / "driver");
    const auto as_nobody = [&](const std::string& arguments) {
        return shell("exec setpriv --reuid=65534 --regid=65534 --clear-groups " + quoted(scratch / "driver") + " " + arguments);
    };
    for (const std::string action : {"create", "open"}) {
        const auto ran = as_nobody(action + " " + quoted(store) + " content");
        CAPTURE(ran.err);
        CHECK((ran.exit_code == 1 || ran.exit_code == 2));
        CHECK(contains(ran.err, "ermission"));
        CHECK(contains(ran.err, store.string()));
        CHECK(contains(ran.err, store.string() + " belongs to root, and this account is nobody"));
    }
    // Readable by all, writable by its owner alone.
    for (const auto& entry : fs::recursive_directory_iterator(store)) {
        fs::permissions(entry.path(), entry.is_directory() ? fs::perms(0755) : fs::perms(0644));
    }
    fs::permissions(store, fs::perms(0755));
    const auto ran = as_nobody("create " + quoted(store) + " content");
    CAPTURE(ran.err);
    CHECK((ran.exit_code == 1 || ran.exit_code == 2));
    CHECK(contains(ran.err, "permission"));
    const auto seen = as_nobody("doctor " + quoted(store));
    CAPTURE(seen.out);
    CAPTURE(seen.err);
    CHECK(contains(seen.out, "belongs to root, and this account is nobody"));
    CHECK(contains(seen.out, "sudo -u root custody doctor"));
    CHECK(bytes_of(store) == before);
}

TEST_CASE("a folder whose permissions vanish under a running program: an error that names it, and nothing is lost") {
    if (::geteuid() != 0) {
        MESSAGE("skipped: only root can become somebody else");
        return;
    }
    const Scratch scratch;
    fs::permissions(scratch.path(), fs::perms(0777));
    fs::copy_file(STORE_DRIVER, scratch / "driver");
    for (const std::string folder : {"storage", "storage/blobs", "storage/trash", "storage/temp"}) {
        CAPTURE(folder);
        const auto store = scratch / ("store-" + fs::path(folder).filename().string());
        const auto taken = quoted(store / folder);
        const auto ids = quoted(scratch / ("ids-" + fs::path(folder).filename().string()));
        const auto ran = shell(
            "cd /; setpriv --reuid=65534 --regid=65534 --clear-groups " + quoted(scratch / "driver") + " creates " +
            quoted(store) + " >" + ids + " & until [ -s " + ids + " ] || ! kill -0 $!; do sleep 0.01; done; chmod 0 " + taken +
            "; for i in $(seq 100); do kill -0 $! 2>/dev/null || break; sleep 0.02; done; kill $!; wait $!; code=$?; chmod 700 " +
            taken + "; cat " + ids + "; exit $code");
        CAPTURE(ran.err);
        const bool went_on = ran.exit_code == 143;  // what it has open already needs no folder
        CHECK((ran.exit_code == 1 || went_on));
        if (!went_on) CHECK(contains(ran.err, (store / folder).string()));
        if (folder == "storage/blobs") CHECK_FALSE(went_on);
        std::istringstream lines(ran.out);
        std::size_t acknowledged = 0;
        {
            ArtifactManager manager(store, {.create = false});
            for (std::string id; std::getline(lines, id) && id.size() == 36; ++acknowledged) {
                CHECK(manager.get_artifact_file(ArtifactId::parse(id), true).has_value());
            }
        }
        CHECK(acknowledged > 0);
        check_store(store);
    }
}

TEST_CASE("a store whose catalog is missing is not made anew over its payloads") {
    const Scratch scratch;
    const auto store = scratch / "store";
    (void)fill_store(store);
    const auto catalog = store / "storage/catalog.db";
    fs::rename(catalog, scratch / "elsewhere.db");
    const auto before = bytes_of(store);
    for (const bool create : {true, false}) {
        const auto message = message_of<Corruption>([&] { const ArtifactManager manager(store, {.create = create}); });
        CHECK(contains(message, "restore"));
        CHECK(contains(message, catalog.string()));
    }
    CHECK_THROWS_AS(ArtifactManager::init(store), Corruption);
    CHECK(bytes_of(store) == before);
    fs::rename(scratch / "elsewhere.db", catalog);
    check_store(store);
}

TEST_CASE("a store whose catalog is cut short is refused and left as it is") {
    const Scratch scratch;
    const auto store = scratch / "store";
    (void)fill_store(store);
    const auto catalog = store / "storage/catalog.db";
    const auto whole = slurp(catalog);
    for (const std::size_t size : {std::size_t{0}, std::size_t{50}, std::size_t{4096}, whole.size() / 2, whole.size() / 4 * 3}) {
        CAPTURE(size);
        std::ofstream(catalog, std::ios::binary) << whole.substr(0, size);
        const auto message = message_of<Error>([&] { const ArtifactManager manager(store); });
        CHECK(contains(message, catalog.string()));
        CHECK(contains(message, "backup"));
        CHECK(slurp(catalog) == whole.substr(0, size));
    }
    std::ofstream(catalog, std::ios::binary) << whole;
    check_store(store);
}

TEST_CASE("an altered store can be diagnosed without a byte of it changing") {
    const Scratch scratch;
    const auto store = scratch / "store";
    (void)fill_store(store);
    REQUIRE(stock_sql(store, "DROP TRIGGER runs_no_delete").empty());
    { const ArtifactManager warm(store, {.diagnose = true}); }
    const auto before = slurp(store / "storage/catalog.db");
    ArtifactManager manager(store, {.diagnose = true});
    const auto report = manager.verify();
    CHECK_FALSE(report.ok());
    CHECK_FALSE(report.audited);
    CHECK(count_findings(report, "schema_altered") == 1);
    CHECK(report.payloads_hashed == 1);
    bool said = false;
    for (const auto& check : manager.doctor())
        said = said || (check.name == "schema" && contains(check.message, "runs_no_delete"));
    CHECK(said);
    CHECK_THROWS_AS((void)manager.create_artifact({.type = ArtifactType::log, .content = "x"}), IoError);
    CHECK(slurp(store / "storage/catalog.db") == before);
}
