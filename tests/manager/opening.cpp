#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <thread>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

unsigned mode_of(const std::filesystem::path& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

}  // namespace

TEST_CASE("a store is made once, and found from then on") {
    const Scratch scratch;
    const auto base = scratch / "deep/below/store";
    CHECK_THROWS_AS(ArtifactManager(base, {.create = false}), StoreNotFound);
    CHECK_FALSE(std::filesystem::exists(scratch / "deep"));
    CHECK(ArtifactManager::init(base) == InitResult::created);
    CHECK(ArtifactManager::init(base) == InitResult::already_there);
    CHECK(Raw(base).number("SELECT count(*) FROM audit_entries") == 1);
    ArtifactManager manager(base, {.create = false});
    CHECK(manager.base_path() == std::filesystem::canonical(base));
    CHECK(manager.storage_path() == manager.base_path() / "storage");
    CHECK_THROWS_AS(ArtifactManager(""), InvalidArgument);
    CHECK(ArtifactManager::migrate(base) == 0);
}

TEST_CASE("what is no store of ours is refused and left as it was") {
    const Scratch scratch;
    const auto base = scratch / "store";
    const auto file = scratch.file("store/storage/catalog.db", "this is a letter, and no database at all");
    CHECK_THROWS_AS(ArtifactManager{base}, Error);
    CHECK(slurp(file) == "this is a letter, and no database at all");
    // A catalog that was lost is not made anew over its payloads.
    const auto lost = scratch / "lost";
    {
        ArtifactManager manager(lost);
        (void)manager.create_artifact({.type = ArtifactType::log, .content = "log"});
    }
    for (const char* suffix : {"", "-wal", "-shm"})
        std::filesystem::remove(lost / "storage" / (std::string("catalog.db") + suffix));
    CHECK_THROWS_AS(ArtifactManager{lost}, Corruption);
    CHECK_FALSE(std::filesystem::exists(lost / "storage" / "catalog.db"));
}

TEST_CASE("a catalog that was lost is not made anew over anything that it left") {
    for (const std::string left : {"its log", "the queue of its writers", "an export"}) {
        CAPTURE(left);
        const Scratch scratch;
        const auto base = scratch / "store";
        {
            ArtifactManager manager(base, {.init = {.payloads = scratch / "payloads"}});
            (void)manager.create_artifact({.type = ArtifactType::log});
            if (left == "an export") (void)manager.audit().export_months({});
        }
        const auto log = base / "storage/catalog.db-wal";
        REQUIRE(std::filesystem::exists(log));
        std::filesystem::remove(base / "storage/catalog.db");
        if (left != "its log") std::filesystem::remove(log);
        if (left == "an export") std::filesystem::remove_all(base / "storage/temp");
        CHECK_THROWS_AS(ArtifactManager{base}, Corruption);
        CHECK_THROWS_AS(ArtifactManager::init(base), Corruption);
        CHECK_FALSE(std::filesystem::exists(base / "storage/catalog.db"));
    }
}

TEST_CASE("a newer store is refused, and migrating one that is new enough does nothing") {
    const Scratch scratch;
    const auto base = scratch / "store";
    CHECK(ArtifactManager::init(base) == InitResult::created);
    const auto version = Raw(base).text("PRAGMA user_version");
    {
        Raw newer(base, Raw::As::intruder);
        newer.run(
            "INSERT INTO schema_migrations (version, name, sha256, applied_at) SELECT 99, 'later', sha256, applied_at FROM "
            "schema_migrations WHERE version = 1");
        newer.run("PRAGMA user_version = 99");
    }
    const auto said = message_of<VersionMismatch>([&] { ArtifactManager manager(base); });
    CHECK(said.find("newer") != std::string::npos);
    Raw(base).run("PRAGMA user_version = " + version);
    CHECK_NOTHROW(ArtifactManager{base});
}

TEST_CASE("a store may be its group's") {
    const Scratch scratch;
    const auto base = scratch / "store";
    CHECK(ArtifactManager::init(base, {.group = true}) == InitResult::created);
    ArtifactManager manager(base);
    const auto made = manager.create_artifact({.type = ArtifactType::log, .content = "log"});
    const auto hex = made.checksum.value().hex();
    CHECK(mode_of(base) == 02770U);
    CHECK(mode_of(base / "storage") == 02770U);
    CHECK(mode_of(base / "storage/blobs" / hex.substr(0, 2)) == 02770U);
    CHECK(mode_of(base / "storage/blobs" / hex.substr(0, 2) / hex) == 0440U);
    CHECK(mode_of(base / "storage/catalog.db") == 0660U);
    CHECK(mode_of(base / "storage/catalog.db-wal") == 0660U);
    CHECK(mode_of(manager.get_artifact_file(made.id).value().parent_path()) == 02770U);
    CHECK(mode_of(manager.audit().export_months().front()) == 0660U);
}

TEST_CASE("payloads may be kept in another folder, on another disk") {
    const Scratch scratch;
    const auto disk = scratch / "disk";
    std::filesystem::create_directory(disk);
    const bool mounted = ::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=8m") == 0;  // as root; else an ordinary folder
    {
        const auto base = scratch / "store";
        CHECK(ArtifactManager::init(base, {.payloads = disk / "payloads"}) == InitResult::created);
        ArtifactManager manager(base);
        const auto source = scratch.file("clip.mp4", "video");
        const auto made =
            manager.create_artifact({.type = ArtifactType::video_raw, .source_path = source, .transfer = Transfer::move});
        CHECK_FALSE(std::filesystem::exists(source));
        const auto hex = made.checksum.value().hex();
        CHECK(slurp(disk / "payloads/blobs" / hex.substr(0, 2) / hex) == "video");
        CHECK(std::filesystem::is_empty(base / "storage/artifacts"));
        const auto file = manager.get_artifact_file(made.id).value();
        CHECK(slurp(file) == "video");
        CHECK(file.string().rfind(manager.storage_path().string(), 0) == 0);
        CHECK(std::filesystem::is_symlink(file) == mounted);
        CHECK(manager.verify().findings.empty());
        CHECK(manager.cleanup_old_artifacts({.older_than_days = 0}).removed_files == 1);
        CHECK_FALSE(std::filesystem::exists(disk / "payloads/blobs" / hex.substr(0, 2) / hex));
    }
    if (mounted) CHECK(::umount(disk.c_str()) == 0);
}

TEST_CASE("in a forked child the parent's manager refuses, and leaves what is the parent's alone") {
    Store store;
    const auto made = store.add(ArtifactType::log, "log");
    const auto run = store.manager.start_processing_run();
    std::ofstream(store.manager.temp_folder() / "frame") << "x";
    const auto entries = store.entry_count();
    const int wrong = in_child([&] {
        int failures = 0;
        auto& manager = store.manager;
        const std::vector<std::function<void()>> calls = {
            [&] { (void)manager.create_artifact({.type = ArtifactType::log, .content = "child"}); },
            [&] { (void)manager.get_artifact(made.id); },
            [&] { (void)manager.get_artifact_file(made.id); },
            [&] { (void)manager.open_payload(made.id); },
            [&] { (void)manager.checkout(made.id, store.scratch / "copy"); },
            [&] { (void)manager.list_artifacts(); },
            [&] { (void)manager.update_artifact_status(made.id, ArtifactStatus::failed); },
            [&] { (void)manager.start_processing_run(); },
            [&] { manager.end_processing_run(run.id()); },
            [&] { (void)manager.get_statistics(); },
            [&] { (void)manager.audit().query_audit_trail(); },
            [&] { (void)manager.audit().export_months(); },
            [&] { (void)manager.cleanup_old_artifacts({.older_than_days = 0}); },
            [&] { (void)manager.sql("SELECT 1"); },
            [&] { (void)manager.snapshot(store.scratch / "child.db"); },
        };
        for (const auto& call : calls) {
            try {
                call();
                ++failures;
            } catch (const InvalidState&) {
            } catch (const Error&) {
                failures += 10;
            }
        }
        { const auto dropped = std::move(manager); }  // as leaving main would
        ArtifactManager own(store.base);
        return own.get_artifact(made.id) ? failures : 100;
    });
    CHECK(wrong == 0);
    CHECK(std::filesystem::exists(store.manager.temp_folder() / "frame"));
    CHECK_FALSE(std::filesystem::exists(store.scratch / "copy"));
    CHECK_FALSE(std::filesystem::exists(store.scratch / "child.db"));
    CHECK(store.entry_count() == entries + 1);  // the child's own manager's
    CHECK(store.manager.get_run(run.id()).value().status == ArtifactStatus::in_progress);
    CHECK_NOTHROW((void)store.add(ArtifactType::log, "parent"));
    CHECK(store.manager.verify().ok());
}

TEST_CASE("a forked child that lets go of the parent's manager doesn't wait for the parent's threads") {
    Store store;
    const auto made = store.add(ArtifactType::log, "log");
    (void)store.manager.get_artifact(made.id);                    // whose entry a thread of the manager's waits to write
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // until it does
    CHECK(in_child([&] {
              ::alarm(20);
              { const auto dropped = std::move(store.manager); }
              return 0;
          }) == 0);
    CHECK(store.entries("artifact_access", "get_metadata").size() == 1);
}

TEST_CASE("each process has a temp folder of its own, gone with its manager or swept when it died") {
    Store store;
    std::filesystem::path own;
    {
        ArtifactManager second(store.base);
        own = second.temp_folder();
        CHECK(own != store.manager.temp_folder());
        CHECK(own.parent_path() == store.manager.storage_path() / "temp");
        CHECK(mode_of(own) == 0700U);
        std::ofstream(own / "x") << "x";
    }
    CHECK_FALSE(std::filesystem::exists(own));
    CHECK(in_child([&] {
              ArtifactManager dying(store.base);
              std::ofstream(dying.temp_folder() / "left") << "x";
              ::_exit(0);
              return 1;
          }) == 0);
    std::ofstream(store.manager.temp_folder() / "mine") << "x";
    CHECK(store.manager.cleanup_temp() == 2);  // my file, and the dead one's folder
    CHECK(std::filesystem::is_empty(store.manager.temp_folder()));
}

TEST_CASE("a create waits once for the lock that another holds: what fails then doesn't wait for it again") {
    Store store({.lock_timeout = std::chrono::milliseconds(1000)});
    auto raw = store.raw();
    raw.run("BEGIN IMMEDIATE");
    const auto source = store.scratch.file("moved", "moved");
    for (const auto& create : std::vector<std::function<void()>>{
             [&] { CHECK_THROWS_AS((void)store.add(ArtifactType::log, "log"), Busy); },
             [&] {
                 CHECK_THROWS_AS((void)store.manager.create_artifact(
                                     {.type = ArtifactType::log, .source_path = source, .transfer = Transfer::move}),
                                 Busy);
             },
             [&] {
                 CHECK_THROWS_AS((void)store.manager.create_artifact({.type = ArtifactType::log, .source_path = "none"}),
                                 IoError);
             }}) {
        const auto begun = std::chrono::steady_clock::now();
        create();
        CHECK(std::chrono::steady_clock::now() - begun < std::chrono::milliseconds(1700));
    }
    CHECK(slurp(source) == "moved");
    raw.run("ROLLBACK");
    CHECK(store.manager.verify().ok());
}

TEST_CASE("a lock that another holds past the deadline is Busy, changes nothing, and is told later") {
    Store store({.lock_timeout = std::chrono::milliseconds(150)});
    const auto made = store.add_bare();
    {
        auto raw = store.raw();
        raw.run("BEGIN IMMEDIATE");
        CHECK_THROWS_AS(store.manager.update_artifact_status(made.id, ArtifactStatus::failed, "x"), Busy);
        CHECK_THROWS_AS((void)store.add(ArtifactType::log, "log"), Busy);
        raw.run("ROLLBACK");
    }
    CHECK(store.raw().text("SELECT status FROM artifacts") == "completed");
    store.manager.update_artifact_status(made.id, ArtifactStatus::archived);
    const auto told = store.last_entry().at("details").at("unrecorded");
    REQUIRE(told.size() == 2);
    CHECK(told[0].at("operation") == "artifact_update");
    CHECK(told[0].at("artifact_id") == made.id.str());
}

TEST_CASE("one manager serves many threads at once") {
    Store store;
    constexpr std::size_t threads = 8;
    std::vector<std::thread> workers;
    std::vector<std::string> errors(threads);
    const auto root = store.add_bare();
    for (std::size_t t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
            try {
                for (int i = 0; i < 6; ++i) {
                    const auto made = store.add(ArtifactType::log, "shared " + std::to_string(i));
                    store.manager.link_artifacts({{root.id}, made.id});
                    store.manager.update_artifact_status(made.id, ArtifactStatus::archived);
                    if (slurp(store.manager.get_artifact_file(made.id).value()) != "shared " + std::to_string(i))
                        throw Error("wrong content");
                    (void)store.manager.list_artifacts({.limit = 5});
                    (void)store.manager.get_artifact_lineage(made.id);
                }
            } catch (const std::exception& error) {
                errors[t] = error.what();
            }
        });
    }
    for (auto& worker : workers) worker.join();
    CHECK(errors == std::vector<std::string>(threads));
    CHECK(store.entry_count() == static_cast<std::int64_t>(2 + threads * 6 * 6));
    CHECK(store.manager.get_statistics().total_payloads == 6);
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("a manager's context stands in every entry, and may not be without bounds") {
    Store store({.actor = "researcher_1", .on_behalf_of = "Dr. Who", .purpose = "study 7", .program = "blur"});
    (void)store.add_bare();
    const auto entry = store.last_entry();
    CHECK(entry.at("user") == "researcher_1");
    CHECK(entry.at("on_behalf_of") == "Dr. Who");
    CHECK(entry.at("purpose") == "study 7");
    CHECK(entry.at("agent").at("program") == "blur");
    CHECK(entry.at("agent").at("pid") == ::getpid());
    CHECK_THROWS_AS(ArtifactManager(store.base, {.actor = std::string(300, 'x')}), InvalidArgument);
    CHECK_THROWS_AS(ArtifactManager(store.base, {.purpose = "\xff"}), InvalidArgument);
}

TEST_CASE("the next cleanup frees what has been in the trash for its grace, and nothing else") {
    Store store;
    const auto old = store.add(ArtifactType::log, "old");
    const auto young = store.add(ArtifactType::log, "young");
    (void)store.manager.cleanup_old_artifacts({.older_than_days = 0});
    const auto trash = store.base / "storage" / "trash";
    const auto name_of = [](const Artifact& artifact, std::int64_t age_seconds) {
        return artifact.checksum.value().hex() + "." + std::to_string(::time(nullptr) - age_seconds) + ".0123456789abcdef";
    };
    for (const auto& entry : std::filesystem::directory_iterator(trash)) {
        const bool is_old = entry.path().filename().string().starts_with(old.checksum.value().hex());
        std::filesystem::rename(entry.path(), trash / name_of(is_old ? old : young, is_old ? 3601 : 3500));
    }
    const auto count = [&] {
        return std::distance(std::filesystem::directory_iterator(trash), std::filesystem::directory_iterator());
    };
    const auto said = [](ArtifactManager& manager) {
        for (const auto& check : manager.doctor()) {
            if (check.name == "trash" && check.severity == Finding::Severity::note) return check.message;
        }
        return std::string("nothing");
    };
    CHECK(said(store.manager).rfind("2 files, 0 MiB", 0) == 0);
    { const ArtifactManager next(store.base); }
    CHECK(count() == 2);
    (void)store.manager.cleanup_old_artifacts({.older_than_days = 0, .dry_run = true});
    CHECK(count() == 2);
    (void)store.manager.cleanup_old_artifacts({.older_than_days = 0});
    CHECK(count() == 1);
    CHECK(said(store.manager).rfind("1 file, 0 MiB", 0) == 0);
    // A trash that can't be swept is no reason not to open the store.
    std::filesystem::remove_all(trash);
    std::ofstream(trash) << "no folder";
    CHECK_NOTHROW(ArtifactManager(store.base));
    std::filesystem::remove(trash);
    CHECK(said(store.manager) == "empty");
}

TEST_CASE("a row about the store itself that says nothing is damage, and is named") {
    const Scratch scratch;
    const auto base = scratch / "store";
    CHECK(ArtifactManager::init(base) == InitResult::created);
    Raw(base, Raw::As::intruder).run("UPDATE store SET created_at = 'x'");
    const auto said = message_of<Corruption>([&] { ArtifactManager manager(base, {.diagnose = true}); });
    CHECK(said.find("table store") != std::string::npos);
}
