// What the machine may do to a store: no room, no permission, read-only media, files that are gone or cut.
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <map>

#include "robustness/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

/// A mount for one test; `mounted` is false where this machine refuses.
struct Mount {
    explicit Mount(fs::path folder) : where(std::move(folder)) { fs::create_directories(where); }
    ~Mount() {
        if (mounted) ::umount2(where.c_str(), MNT_DETACH);
    }
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;
    bool tmpfs(const char* options) { return done(::mount("none", where.c_str(), "tmpfs", 0, options)); }
    bool read_only_of(const fs::path& source) {
        if (!done(::mount(source.c_str(), where.c_str(), nullptr, MS_BIND, nullptr))) return false;
        return ::mount(nullptr, where.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0;
    }
    bool done(int result) {
        mounted = result == 0;
        if (!mounted) MESSAGE("skipped: this machine refuses mounts");
        return mounted;
    }
    fs::path where;
    bool mounted = false;
};

/// Writes until the file system has no room left.
void fill_up(const fs::path& file) {
    std::ofstream out(file, std::ios::binary);
    const std::string block(4096, 'x');
    while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
}

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
    for (const char* suffix : {"-wal", "-shm"}) fs::remove((store / "storage/catalog.db").string() + suffix);
    fs::remove(store / "storage/temp/write-queue");
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
    for (const std::size_t size : {std::size_t{0}, std::size_t{50}, std::size_t{4096}, whole.size() / 2, whole.size() - 4096}) {
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
