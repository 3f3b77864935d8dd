// Many writers and removers of one content, under a lock that stands for the catalog's write lock.
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "blobs/support.hpp"

using namespace custody;
using namespace custody::testing;

TEST_CASE("threads that add and discard one content never see it missing under the lock") {
    blobs::Abilities abilities;
    SUBCASE("without names") {}
    SUBCASE("with temporary names") { abilities.tmpfile = false; }
    TestStore t({}, abilities);
    std::mutex catalog;
    std::atomic<int> wrong = 0;
    std::vector<std::jthread> threads;
    for (int number = 0; number < 4; ++number) {
        threads.emplace_back([&, number] {
            for (int round = 0; round < 150; ++round) {
                auto staged = t.store.stage_bytes("content");
                t.store.publish(staged, round % 2 == 0);
                {
                    const std::lock_guard lock(catalog);
                    t.store.ensure_published(staged);
                    if (!t.store.matches(staged.digest())) ++wrong;
                    if ((round + number) % 3 == 0) t.store.discard(staged.digest());
                }
                if (round % 4 == 0) t.store.sweep_trash(0);
            }
        });
    }
    threads.clear();
    CHECK(wrong == 0);
    t.store.sweep_trash(0);
    CHECK(t.files().size() <= 1);
}

TEST_CASE("processes that add and discard one content never see it missing under the lock") {
    for (const std::string option : {"", "no-tmpfile", "no-proc no-empty-path"}) {
        TestStore t;
        const auto command = std::string(BLOB_DRIVER) + " race '" + t.store.root().string() + "' content " + option;
        const auto ran =
            shell(command + " & one=$!; " + command + " & two=$!; " + command + " & wait $! && wait $one && wait $two");
        CHECK(ran.err.empty());
        CHECK(ran.exit_code == 0);
        t.store.sweep_trash(0);
        CHECK(t.files().size() <= 1);
    }
}

TEST_CASE("threads that need one folder that is still to be made all publish") {
    TestStore t;
    for (int round = 0; round < 100; ++round) {
        std::filesystem::remove_all(t.store.path_of(base::sha256("content")).parent_path());
        std::atomic<int> ready = 0;
        std::atomic<int> failed = 0;
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                auto staged = t.store.stage_bytes("content");
                ++ready;
                while (ready < 4) std::this_thread::yield();
                try {
                    t.store.publish(staged, true);
                } catch (const std::exception&) {
                    ++failed;
                }
            });
        }
        threads.clear();
        CHECK(failed == 0);
        CHECK(t.store.matches(base::sha256("content")));
    }
}

TEST_CASE("healers at once agree on the good copy") {
    TestStore t;
    const auto digest = base::sha256("content");
    for (int round = 0; round < 30; ++round) {
        t.store.discard(digest);
        t.scratch.file(t.store.path_of(digest).lexically_relative(t.scratch.path()).string(), "CONTENT");
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                auto staged = t.store.stage_bytes("content");
                t.store.publish(staged, false);
            });
        }
        threads.clear();
        CHECK(t.store.matches(digest));
    }
    t.store.sweep_trash(0);
    CHECK(t.files().size() == 1);
}

TEST_CASE("a sweep in another process leaves a writer's temporary file alone") {
    TestStore t;
    const auto source = t.scratch.file("source", "content");
    const auto driver = std::string(BLOB_DRIVER);
    const auto root = t.store.root().string();
    // The writer waits for the end of its input between staging and publishing; the sweep runs meanwhile.
    const auto ran =
        shell("cd '" + t.scratch.path().string() + "' && mkfifo go said && (exec " + driver + " add '" + root + "' '" +
              source.string() + "' no-tmpfile wait <go >said) & writer=$!; cd '" + t.scratch.path().string() +
              "'; while [ ! -p said ]; do sleep 0.01; done; exec 3>go 4<said; read ready <&4; ls '" + root + "/trash'; " +
              driver + " sweep '" + root + "' 0; exec 3>&-; cat <&4; wait $writer");
    CAPTURE(ran.err);
    CHECK(ran.exit_code == 0);
    CHECK(ran.out.find("incoming-") == 0);
    CHECK(ran.out.find("\n0\nadded ") != std::string::npos);
    CHECK(t.store.matches(base::sha256("content")));
}
