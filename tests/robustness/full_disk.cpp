// A disk that is full: what cleanup and gc free makes room again, without help from outside.
#include <cerrno>
#include <chrono>

#include "robustness/support.hpp"
#include "support/mount.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds no_grace{0};

/// Payloads that can go, and then so full a disk that not even a small change can be written.
void fill(ArtifactManager& manager, const fs::path& disk, int payloads = 20) {
    for (int i = 0; i < payloads; ++i) {
        (void)manager.create_artifact({.type = ArtifactType::log, .content = std::to_string(i) + std::string(100000, 'l')});
    }
    (void)manager.set_retention(ArtifactType::log, {.days = 0});
    fill_up(disk / "filler");
    for (int i = 0; i < 2000; ++i) {
        try {
            (void)manager.create_artifact({.type = ArtifactType::metadata, .metadata = {{"text", std::string(3000, 'm')}}});
        } catch (const IoError& error) {
            CHECK(error.code() == ENOSPC);
            return;
        }
    }
    FAIL("the disk is not full");
}

void check_room(ArtifactManager& manager) {
    const auto made = manager.create_artifact({.type = ArtifactType::video_raw, .content = std::string(200000, 'n')});
    CHECK(manager.get_artifact_file(made.id, true).has_value());
    CHECK(manager.verify().ok());
}

}  // namespace

TEST_CASE("gc makes room on a full disk") {
    const Scratch scratch;
    Mount mount(scratch / "disk");
    if (!mount.tmpfs("size=8m")) return;
    ArtifactManager manager(mount.where / "store");
    fill(manager, mount.where);
    SUBCASE("in the process that filled it") {
        const auto report = manager.collect_garbage({.grace = no_grace});
        CHECK(report.removed.size() == 20);
        CHECK(report.freed_bytes >= 2000000);
        check_room(manager);
    }
    SUBCASE("in another one") {
        ArtifactManager other(mount.where / "store");
        CHECK(other.collect_garbage({.grace = no_grace}).removed.size() == 20);
        check_room(other);
    }
}

TEST_CASE("cleanup works on a full disk, and its payloads are freed by a gc that needs no room") {
    const Scratch scratch;
    Mount mount(scratch / "disk");
    if (!mount.tmpfs("size=8m")) return;
    ArtifactManager manager(mount.where / "store");
    fill(manager, mount.where);
    CHECK(manager.cleanup_old_artifacts({.older_than_days = 0, .type = ArtifactType::log}).removed.size() == 20);
    CHECK(manager.collect_garbage({.grace = no_grace}).freed_bytes >= 2000000);
    check_room(manager);
}

TEST_CASE("a store that can't be opened on a full disk opens once what lies in its trash is past its grace") {
    const Scratch scratch;
    Mount mount(scratch / "disk");
    if (!mount.tmpfs("size=8m")) return;
    const auto store = mount.where / "store";
    {
        ArtifactManager manager(store);
        for (int i = 0; i < 10; ++i) {
            (void)manager.create_artifact({.type = ArtifactType::log, .content = std::to_string(i) + std::string(100000, 'l')});
        }
        (void)manager.cleanup_old_artifacts({.older_than_days = 0});
    }
    take_away_log(store);
    fill_up(mount.where / "filler");
    CHECK_THROWS_AS(ArtifactManager(store, {.create = false}), IoError);  // an hour of grace has just begun
    for (const auto& entry : fs::directory_iterator(store / "storage/trash")) {
        auto name = entry.path().filename().string();
        const auto dot = name.find('.');
        fs::rename(entry.path(),
                   entry.path().parent_path() / (name.substr(0, dot) + ".1000000000" + name.substr(name.find('.', dot + 1))));
    }
    ArtifactManager manager(store, {.create = false});
    CHECK(fs::is_empty(store / "storage/trash"));
    check_room(manager);
}
