// Doctor's look at the machine: what it finds, and what it says to do about it.
#include <dlfcn.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "blobs/file_system.hpp"
#include "manager/support.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/engine.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

DoctorCheck check_of(Store& store, const std::string& name) {
    for (const auto& check : store.manager.doctor()) {
        if (check.name == name) return check;
    }
    FAIL("no check " << name);
    return {};
}

}  // namespace

TEST_CASE("a second SQLite in the process is an error, by whatever name it was loaded") {
    Store store;
    REQUIRE(check_of(store, "sqlite").severity == Finding::Severity::note);
    REQUIRE(sqlite::engines_in_process().size() == 1);
    Dl_info info{};
    REQUIRE(::dladdr(reinterpret_cast<const void*>(&sqlite3_libversion), &info) != 0);
    const auto copy = store.scratch / "another_engine.so";
    fs::copy_file(fs::canonical(info.dli_fname), copy);
    // Its names are nobody else's: only its texts give it away, as those of a copy that was linked in and hidden.
    auto* const second = ::dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL);
    REQUIRE(second != nullptr);
    const auto check = check_of(store, "sqlite");
    ::dlclose(second);
    CHECK(check.severity == Finding::Severity::error);
    CHECK(check.message.find(copy.string()) != std::string::npos);
    CHECK(check.message.find(fs::path(info.dli_fname).filename().string()) != std::string::npos);
    CHECK_FALSE(check.next_command.empty());
    CHECK(check_of(store, "sqlite").severity == Finding::Severity::note);
}

TEST_CASE("the bug of SQLite is named by version, and the guard is seen where it is on") {
    Store store;
    CHECK(sqlite::has_wal_reset_bug() == (sqlite3_libversion_number() < 3051003));
    const auto check = check_of(store, "sqlite");
    CHECK(check.message.find(sqlite3_libversion()) != std::string::npos);
    if (sqlite::has_wal_reset_bug()) CHECK(check.message.find("the guard against it is on") != std::string::npos);
    const auto unguarded = sqlite::open_connection(store.base / "storage/catalog.db", sqlite::Access::read_write);
    CHECK(sqlite::is_guarded(*unguarded));
    sqlite3_db_config(unguarded->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
    CHECK_FALSE(sqlite::is_guarded(*unguarded));
    sqlite3_db_config(unguarded->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    unguarded->execute("PRAGMA wal_autocheckpoint = 1000");
    CHECK_FALSE(sqlite::is_guarded(*unguarded));
}

TEST_CASE("whoever holds the lock for writing is named, by number and program") {
    Store store;
    CHECK(check_of(store, "lock").message.find("nobody") == 0);
    int ready[2];
    int end[2];
    REQUIRE(::pipe(ready) == 0);
    REQUIRE(::pipe(end) == 0);
    const auto child = ::fork();
    if (child == 0) {
        char byte = 0;
        {
            Raw raw(store.base, Raw::As::writer);
            raw.run("BEGIN IMMEDIATE");
            (void)!::write(ready[1], "r", 1);
            (void)!::read(end[0], &byte, 1);
        }
        ::_exit(0);
    }
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    const auto check = check_of(store, "lock");
    (void)!::write(end[1], "e", 1);
    ::waitpid(child, nullptr, 0);
    CHECK(check.message.find("process " + std::to_string(child) + " (") == 0);
    CHECK(check.next_command.find("fuser") == 0);
}

TEST_CASE("a file that others may read is named, with the command that closes it") {
    Store store;
    for (const auto* place : {"storage/catalog.db", "storage", "storage/blobs", "storage/trash", "audit"}) {
        INFO(place);
        const auto path = store.base / place;
        struct stat before {};
        REQUIRE(::stat(path.c_str(), &before) == 0);
        REQUIRE(::chmod(path.c_str(), (before.st_mode & 07777U) | 044U) == 0);
        const auto check = check_of(store, "permissions");
        CHECK(check.severity == Finding::Severity::warning);
        CHECK(check.message.find(path.string()) == 0);
        REQUIRE(std::system(check.next_command.c_str()) == 0);
        CHECK(check_of(store, "permissions").severity == Finding::Severity::note);
    }
}

TEST_CASE("runs whose process is gone and what dead processes left are told") {
    Store store;
    REQUIRE(in_child([&] {
                ArtifactManager manager(store.base, {.create = false});
                auto run = manager.start_processing_run();
                std::ofstream(manager.temp_folder() / "scratch") << "x";
                ::_exit(0);
                return 0;
            }) == 0);
    CHECK(check_of(store, "runs").message.find("1 unfinished, of which 1 lost") == 0);
    CHECK(check_of(store, "leftovers").message.find("1 of processes that died") == 0);
    { const ArtifactManager next(store.base, {.create = false}); }
    CHECK(check_of(store, "runs").message == "none unfinished");
    CHECK(check_of(store, "leftovers").message == "none");
}

TEST_CASE("file systems are named as the kernel lists them") {
    Store store;
    CHECK(check_of(store, "file system").severity == Finding::Severity::note);
    const auto proc = blobs::file_system_of("/proc/self");
    CHECK(proc.type == "proc");
    CHECK(proc.mount_point == "/proc");
    CHECK_FALSE(blobs::file_system_of(store.base).type.empty());
    for (const auto& check : store.manager.doctor()) {
        INFO(check.name);
        if (check.severity != Finding::Severity::note) CHECK_FALSE(check.next_command.empty());
    }
}
