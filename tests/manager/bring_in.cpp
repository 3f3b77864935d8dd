// Many payloads in one call: staged side by side, with one sync for all of them.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>

#include "manager/support.hpp"
#include "support/mount.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

std::vector<NewArtifact> files(const Scratch& scratch, std::size_t count, std::size_t size_bytes = 100) {
    std::vector<NewArtifact> wanted;
    for (std::size_t i = 0; i < count; ++i) {
        auto content = std::to_string(i) + " ";
        content.resize(size_bytes, 'x');
        wanted.push_back({.type = ArtifactType::log, .source_path = scratch.file("file" + std::to_string(i), content)});
    }
    return wanted;
}

/// A limit of this process, for a while.
class Limit {
   public:
    Limit(__rlimit_resource what, rlim_t most) : what_(what) {
        ::getrlimit(what, &before_);
        const rlimit lower{most, before_.rlim_max};
        ::setrlimit(what, &lower);
    }
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;
    ~Limit() { ::setrlimit(what_, &before_); }

   private:
    __rlimit_resource what_;
    rlimit before_{};
};

}  // namespace

TEST_CASE("more files than may be open at once are added by one call") {
    Store store;
    const auto wanted = files(store.scratch, 900);
    std::vector<Artifact> made;
    {
        const Limit few(RLIMIT_NOFILE, 400);
        made = store.manager.create_artifacts(wanted);
    }
    REQUIRE(made.size() == wanted.size());
    for (std::size_t i = 0; i < made.size(); ++i) CHECK(slurp(store.blob(made[i])) == slurp(wanted[i].source_path));
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("files are added by one call where a process may have hardly any open") {
    Store store;
    const auto wanted = files(store.scratch, 60);
    std::vector<Artifact> made;
    {
        const Limit few(RLIMIT_NOFILE, 48);
        made = store.manager.create_artifacts(wanted);
    }
    REQUIRE(made.size() == wanted.size());
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("more files than may be open at once are added where each has a sync of its own") {
    Scratch scratch;
    Mount mount(scratch / "overlay");
    for (const char* layer : {"lower", "upper", "work"}) fs::create_directory(scratch / layer);
    const auto layers = "lowerdir=" + (scratch / "lower").string() + ",upperdir=" + (scratch / "upper").string() +
                        ",workdir=" + (scratch / "work").string();
    if (!mount.done(::mount("none", mount.where.c_str(), "overlay", 0, layers.c_str()))) return;
    ArtifactManager manager(mount.where / "store");
    const auto wanted = files(scratch, 900, 16U << 10U);
    {
        const Limit few(RLIMIT_NOFILE, 400);
        CHECK(manager.create_artifacts(wanted).size() == wanted.size());
    }
    CHECK(manager.verify().findings.empty());
}

TEST_CASE("one file that can't be added stops all of them, and is the one that is named") {
    Store store;
    auto wanted = files(store.scratch, 40);
    fs::remove(wanted[23].source_path);
    const Trace before(store);
    const auto message = message_of<SourceNotFound>([&] { (void)store.manager.create_artifacts(wanted); });
    CHECK(message.find("file23") != std::string::npos);
    before.check_unchanged();
    CHECK(store.last_entry().at("outcome") == "failed");
    const auto entry = store.manager.audit().query_audit_trail({.limit = 1}).front().entry;
    CHECK(entry.at("details").at("source_path").get<std::string>().ends_with("file23"));
}

TEST_CASE("content that comes several times in one call is stored once") {
    Store store;
    std::vector<NewArtifact> wanted(50, {.type = ArtifactType::log, .content = "the same"});
    wanted.push_back({.type = ArtifactType::log, .content = "another"});
    const auto made = store.manager.create_artifacts(wanted);
    CHECK(made.size() == 51);
    CHECK(store.manager.get_statistics().total_payloads == 2);
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("what is damaged in the store is healed by one of many, with an entry") {
    Store store;
    const auto wanted = files(store.scratch, 20);
    const auto first = store.manager.create_artifacts(wanted);
    const auto blob = store.blob(first[7]);
    fs::permissions(blob, fs::perms::owner_all);
    std::ofstream(blob) << "damage";
    const auto again = store.manager.create_artifacts(wanted);
    CHECK(slurp(store.blob(again[7])) == slurp(wanted[7].source_path));
    CHECK(store.entries("artifact_storage", "heal").size() == 1);
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("a name that goes before the commit is given again, from a source that must be the same") {
    Store store;
    const auto blobs = store.base / "storage/blobs";
    const auto added = [&](const std::vector<NewArtifact>& wanted, const std::function<void()>& meanwhile) {
        // The last call, when all of them have their names.
        return store.manager.create_artifacts(wanted, [&](std::uint64_t done, std::uint64_t total) {
            if (done != total) return;
            for (const auto& folder : fs::directory_iterator(blobs)) fs::remove_all(folder.path());
            meanwhile();
        });
    };
    const auto few = files(store.scratch, 20);
    CHECK(added(few, [] {}).size() == 20);
    const auto many = files(store.scratch, 100);
    CHECK(added(many, [] {}).size() == 100);
    CHECK(added(many, [] {}).size() == 100);  // whose names were there from the start
    const Scratch elsewhere;
    const auto large = files(elsewhere, 2, 2U << 20U);
    CHECK(added(large, [] {}).size() == 2);
    for (const auto* again : {&many, &large}) CHECK(added(*again, [] {}).size() == again->size());
    CHECK(store.manager.create_artifacts(many).size() == 100);  // gone with the names of the large ones
    CHECK(store.manager.verify().findings.empty());

    const Scratch others;
    const auto changed = files(others, 100, 300);
    const Trace before(store);
    const auto change = [&] { std::ofstream(changed[60].source_path) << "changed meanwhile"; };
    CHECK_THROWS_AS((void)added(changed, change), IoError);
    CHECK(store.rows().at("artifacts") == 424);
    CHECK(store.last_entry().at("outcome") == "failed");
}

TEST_CASE("a large file that is stored already is not written again, and progress is told as ever") {
    Store store;
    auto wanted = files(store.scratch, 2, 8U << 20U);
    const auto first = store.manager.create_artifacts(wanted);
    wanted.push_back({.type = ArtifactType::log, .source_path = store.scratch.file("new", std::string(8U << 20U, 'n'))});
    ::signal(SIGXFSZ, SIG_IGN);
    const Limit small(RLIMIT_FSIZE, 4U << 20U);
    CHECK_THROWS_AS((void)store.manager.create_artifact(wanted[2]), IoError);
    std::vector<std::uint64_t> told;
    const auto listen = [&](std::uint64_t done, std::uint64_t) { told.push_back(done); };
    const auto again = store.manager.create_artifacts({&wanted[1], 1}, listen).front();
    CHECK(again.checksum == first[1].checksum);
    CHECK(told.size() >= 8);
    CHECK(std::is_sorted(told.begin(), told.end()));
    CHECK(told.back() == 8U << 20U);
    CHECK(store.manager.get_statistics().total_payloads == 2);
}

TEST_CASE("a large file that is stored already is compared with what is there, unless that was hashed within a day") {
    Store store;
    const auto wanted = files(store.scratch, 1, 8U << 20U).front();
    const auto first = store.manager.create_artifact(wanted);
    const auto verified = [&] { return store.raw().text("SELECT verified_at FROM payloads"); };
    const auto created = verified();
    struct stat before {};
    REQUIRE(::stat(store.blob(first).c_str(), &before) == 0);
    auto damaged = slurp(store.blob(first));
    damaged[5000] ^= 1;
    tamper(store.blob(first), damaged);
    const timespec times[2] = {before.st_atim, before.st_mtim};
    REQUIRE(::utimensat(AT_FDCWD, store.blob(first).c_str(), times, 0) == 0);

    CHECK(store.manager.create_artifact(wanted).checksum == first.checksum);
    CHECK(verified() == created);
    CHECK(slurp(store.blob(first)) == damaged);

    store.raw(Raw::As::intruder).run("UPDATE payloads SET verified_at = '2020-01-01T00:00:00.000000+00:00'");
    CHECK(store.manager.create_artifact(wanted).checksum == first.checksum);
    CHECK(verified() > created);
    CHECK(slurp(store.blob(first)) == slurp(wanted.source_path));
    CHECK(store.raw().number("SELECT count(*) FROM audit_entries WHERE action = 'heal'") == 1);
}

TEST_CASE("a file that differs late from one of its size is written, and progress never goes back") {
    Store store;
    std::string content(3U << 20U, 'x');
    (void)store.manager.create_artifact({.type = ArtifactType::log, .content = content});
    content.back() = 'y';
    const NewArtifact wanted{.type = ArtifactType::log, .source_path = store.scratch.file("late", content)};
    std::vector<std::uint64_t> told;
    const auto listen = [&](std::uint64_t done, std::uint64_t) { told.push_back(done); };
    const auto made = store.manager.create_artifacts({&wanted, 1}, listen).front();
    CHECK(slurp(store.blob(made)) == content);
    CHECK(std::is_sorted(told.begin(), told.end()));
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("progress of many files grows, is told by the calling thread, and stops them all") {
    Store store;
    const auto wanted = files(store.scratch, 12, 3U << 20U);
    const auto caller = std::this_thread::get_id();
    std::vector<std::uint64_t> told;
    bool by_others = false;
    const auto listen = [&](std::uint64_t done, std::uint64_t total) {
        by_others = by_others || std::this_thread::get_id() != caller;
        CHECK(total == 12 * (3U << 20U));
        told.push_back(done);
    };
    const Trace before(store);
    CHECK_THROWS_AS((void)store.manager.create_artifacts(wanted,
                                                         [&](std::uint64_t done, std::uint64_t total) {
                                                             listen(done, total);
                                                             if (done > (9U << 20U)) throw IoError("stopped", EINTR);
                                                         }),
                    IoError);
    before.check_unchanged();
    CHECK_FALSE(by_others);
    told.clear();
    CHECK(store.manager.create_artifacts(wanted, listen).size() == 12);
    CHECK_FALSE(by_others);
    CHECK(std::is_sorted(told.begin(), told.end()));
    CHECK(told.back() == 12 * (3U << 20U));
}
