// The folder of a restore: taken up again after a kill, one restore's alone, and never another store's.
#include "manager/new_folder.hpp"

#include <unistd.h>

#include <fstream>
#include <future>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

/// A store of two payloads, and where its backup and what is restored from that go.
struct Kept : Store {
    Kept() : folder(scratch / "kept"), restored(scratch / "restored/study") {
        (void)add(ArtifactType::video_raw, "raw picture");
        (void)add(ArtifactType::log, "a line");
    }
    RestoreReport restore(RestoreOptions options = {.reason = "the disk failed"}) const {
        return ArtifactManager::restore(folder, restored, options, {.actor = "operator"});
    }
    fs::path folder;
    fs::path restored;
};

}  // namespace

TEST_CASE("a restore that was killed is taken up again") {
    Kept kept;
    (void)kept.manager.backup(kept.folder);
    const int code = in_child([&] {
        (void)kept.restore({.reason = "r", .progress = [](auto, auto) { ::_exit(7); }});
        return 0;
    });
    CHECK(code == 7);
    CHECK(fs::exists(kept.restored / "restore-unfinished"));
    CHECK_THROWS_AS(ArtifactManager(kept.restored, {.create = false}), StoreNotFound);
    CHECK(kept.restore().payloads == 2);
    ArtifactManager manager(kept.restored, {.create = false});
    CHECK(manager.verify().ok());
}

TEST_CASE("a restore or an init into a folder that another restore is filling is refused, or waits, and takes nothing from it") {
    Kept kept;
    (void)kept.manager.backup(kept.folder);
    const auto stranger = kept.restored / "audit/stranger";
    std::future<InitResult> waiting;
    const auto meanwhile = [&](auto, auto) {
        if (waiting.valid()) return;
        const int second = in_child([&] {
            try {
                (void)kept.restore({.reason = "me too"});
            } catch (const Conflict&) {
                return 7;
            }
            return 0;
        });
        CHECK(second == 7);
        waiting = std::async(std::launch::async, [&] { return ArtifactManager::init(kept.restored); });
    };
    SUBCASE("that succeeds") {
        CHECK(kept.restore({.reason = "r", .progress = meanwhile}).payloads == 2);
        CHECK(waiting.get() == InitResult::already_there);
        ArtifactManager manager(kept.restored, {.create = false});
        CHECK(manager.verify().ok());
    }
    SUBCASE("that is interrupted") {
        const auto interrupted = [&](auto, auto) {
            std::ofstream(stranger) << "x";
            throw std::runtime_error("enough");
        };
        CHECK_THROWS_AS((void)kept.restore({.reason = "r", .progress = interrupted}), std::runtime_error);
        CHECK(slurp(stranger) == "x");
        CHECK_FALSE(fs::exists(kept.restored / "storage"));
    }
}

TEST_CASE("a store that another process has made in the folder of a restore is not taken away") {
    Kept kept;
    (void)kept.manager.backup(kept.folder);
    CHECK(ArtifactManager::init(kept.restored) == InitResult::created);
    CHECK_THROWS_AS((void)kept.restore(), InvalidArgument);
    CHECK_NOTHROW(ArtifactManager(kept.restored, {.create = false}));
}

TEST_CASE("a restore that was killed and is run again takes nothing from a store that has its payload folder now") {
    Kept kept;
    (void)kept.manager.backup(kept.folder);
    const auto payloads = kept.scratch / "payloads";
    const int code = in_child([&] {
        (void)kept.restore({.reason = "r", .payloads = payloads, .progress = [](auto, auto) { ::_exit(7); }});
        return 0;
    });
    CHECK(code == 7);
    fs::remove_all(payloads);
    const auto other = kept.scratch / "other";
    (void)ArtifactManager::restore(kept.folder, other, {.reason = "r", .payloads = payloads});
    const auto newer = kept.add(ArtifactType::log, "newer");
    (void)kept.manager.backup(kept.folder);
    const auto hex = newer.checksum.value().hex();
    fs::remove(kept.folder / "blobs" / hex.substr(0, 2) / hex);  // so that it would fail once it has begun
    CHECK_THROWS_AS((void)kept.restore({.reason = "r", .payloads = payloads}), InvalidArgument);
    ArtifactManager manager(other, {.create = false});
    CHECK(manager.verify().findings.empty());
}
