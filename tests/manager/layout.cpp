#include "manager/layout.hpp"

#include <cerrno>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

TEST_CASE("nothing that a caller takes out is written into the store's own storage, however the path is spelled") {
    Store store;
    const auto id = store.add(ArtifactType::log, "log").id;
    (void)store.manager.temp_folder();  // a snapshot makes it; it is no trace of one
    const auto storage = store.base / "storage";
    fs::create_directory_symlink(storage, store.scratch / "elsewhere");
    const auto catalog = slurp(storage / "catalog.db");
    for (const auto& folder : {storage, storage / "blobs", store.base / "audit" / ".." / "storage", store.scratch / "elsewhere",
                               store.scratch / "elsewhere" / "artifacts"}) {
        CAPTURE(folder);
        const Trace before(store);
        CHECK_THROWS_AS((void)store.manager.audit().export_audit_trail(folder / "out.csv", ExportFormat::csv), InvalidArgument);
        CHECK_THROWS_AS((void)store.manager.audit().export_months({.folder = folder}), InvalidArgument);
        CHECK_THROWS_AS((void)store.manager.snapshot(folder / "out.db"), InvalidArgument);
        CHECK_THROWS_AS((void)store.manager.checkout(id, folder / "out"), InvalidArgument);
        CHECK_THROWS_AS((void)store.manager.checkout(id, folder), InvalidArgument);
        before.check_unchanged(5);
    }
    CHECK_THROWS_AS((void)store.manager.audit().export_audit_trail(storage / "catalog.db"), InvalidArgument);
    CHECK(slurp(storage / "catalog.db") == catalog);
    CHECK_NOTHROW((void)store.manager.checkout(id, store.manager.temp_folder() / "copy"));  // that is the caller's own
    // What only looks like it is fine.
    fs::create_directory(store.base / "storage-2");
    CHECK_NOTHROW((void)store.manager.snapshot(store.base / "storage-2" / "out.db"));
    CHECK_NOTHROW((void)store.manager.audit().export_audit_trail(store.base / "audit" / "out.json"));
}

TEST_CASE("nothing is made in the storage of another store, which would take it for its own") {
    Store outer;
    Store other;
    const auto storage = outer.base / "storage";
    fs::create_directory_symlink(storage, outer.scratch / "elsewhere");
    const Trace before(outer);
    for (const auto& inside : {storage, storage / "store", storage / "blobs/ab/store", outer.scratch / "elsewhere" / "store"}) {
        CAPTURE(inside);
        CHECK_THROWS_AS(ArtifactManager{inside}, InvalidArgument);
        CHECK_THROWS_AS(ArtifactManager::init(inside), InvalidArgument);
        CHECK_THROWS_AS(ArtifactManager::init(other.scratch / "new", {.payloads = inside}), InvalidArgument);
        CHECK_THROWS_AS((void)ArtifactManager::restore(other.base, inside, {.reason = "a test"}), InvalidArgument);
        CHECK_THROWS_AS(
            (void)ArtifactManager::restore(other.base, other.scratch / "new", {.reason = "a test", .payloads = inside}),
            InvalidArgument);
        CHECK_THROWS_AS((void)other.manager.snapshot(inside / "out.db"), InvalidArgument);
        CHECK_THROWS_AS((void)other.manager.backup(inside), InvalidArgument);
        CHECK_FALSE(fs::exists(other.scratch / "new"));
    }
    before.check_unchanged(0);
    const fs::path beside[] = {outer.base / "inner", outer.base / "storage-2", outer.scratch / "storage"};
    for (const auto& base : beside) CHECK(ArtifactManager::init(base) == InitResult::created);
}

TEST_CASE("payloads that are kept on another disk are as much the store's own") {
    const Scratch scratch;
    ArtifactManager manager(scratch / "store", {.init = {.payloads = scratch / "disk"}});
    const auto id = manager.create_artifact({.type = ArtifactType::log, .content = "log"}).id;
    CHECK_THROWS_AS((void)manager.checkout(id, scratch / "disk/blobs"), InvalidArgument);
    CHECK_THROWS_AS((void)manager.snapshot(scratch / "disk/trash/out.db"), InvalidArgument);
    CHECK_NOTHROW((void)manager.checkout(id, scratch / "disk/copy"));
}
