#include "manager/payload_copy.hpp"

#include <fstream>
#include <map>
#include <set>

#include "base/sha256.hpp"
#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;
using Copied = manager::PayloadCopy::Outcome;
namespace fs = std::filesystem;

namespace {

catalog::PayloadRow row_of(const std::string& content) {
    return {base::sha256(content), content.size(), true, 0, Timestamp::now()};
}

/// Two stores of payloads, and what is to be copied from one to the other.
struct Both {
    Scratch scratch;
    blobs::BlobStore from = make("from", {});
    blobs::BlobStore to;
    std::vector<catalog::PayloadRow> rows{};

    explicit Both(const blobs::Abilities& abilities = {}) : to(make("to", abilities)) {}

    blobs::BlobStore make(const std::string& name, const blobs::Abilities& abilities) const {
        fs::create_directory(scratch / name);
        blobs::BlobStore store(scratch / name, blobs::Modes{}, {}, abilities);
        store.create();
        return store;
    }
    void add(const std::string& content) {
        auto staged = from.stage_bytes(content, blobs::Sync::later);
        from.publish(staged, false, blobs::Sync::later);
        rows.push_back(row_of(content));
    }
    std::map<Copied, int> copy(bool rehash = false) {
        std::map<Copied, int> outcomes;
        std::set<Digest> told;
        manager::PayloadCopies copies(from, to, rehash, [&](const catalog::PayloadRow& row, const manager::PayloadCopy& copy) {
            CHECK(told.insert(row.digest).second);
            ++outcomes[copy.outcome];
            const bool is_there = copy.outcome == Copied::copied || copy.outcome == Copied::there;
            CHECK(to.stat(row.digest).has_value() == is_there);
            if (is_there) CHECK(to.stat(row.digest)->mtime_ns == copy.mtime_ns);
            CHECK(copy.message.empty() == is_there);
        });
        for (const auto& row : rows) copies.copy(row, {});
        copies.finish();
        CHECK(told.size() == rows.size());
        return outcomes;
    }
};

}  // namespace

TEST_CASE("payloads are copied many at a time, each told of once, and what is wrong with the source is named") {
    blobs::Abilities one_by_one;
    one_by_one.syncfs = false;
    for (const auto& abilities : {blobs::Abilities{}, one_by_one}) {
        Both both(abilities);
        for (int i = 0; i < 150; ++i) both.add("payload " + std::to_string(i));
        both.add(std::string(3U << 20U, 'x'));
        both.add("");
        for (int i = 0; i < 5; ++i) both.add("another " + std::to_string(i));
        const auto damaged = both.from.path_of(both.rows.at(7).digest);
        fs::remove(damaged);
        std::ofstream(damaged) << "PAYLOAD 7";
        fs::remove(both.from.path_of(both.rows.at(8).digest));
        CHECK(both.copy() == std::map<Copied, int>{{Copied::copied, 155}, {Copied::damaged, 1}, {Copied::missing, 1}});
        for (const auto& row : both.rows)
            CHECK(both.to.matches(row.digest) == (row.digest != both.rows.at(7).digest && row.digest != both.rows.at(8).digest));
        CHECK(fs::is_empty(both.scratch / "to/trash"));
        CHECK(both.copy() == std::map<Copied, int>{{Copied::there, 155}, {Copied::damaged, 1}, {Copied::missing, 1}});
        const auto spoilt = both.to.path_of(both.rows.at(20).digest);
        fs::remove(spoilt);
        std::ofstream(spoilt) << std::string(both.rows.at(20).size_bytes, '?');
        CHECK(both.copy().at(Copied::there) == 155);
        CHECK(both.copy(true).at(Copied::copied) == 1);
        CHECK(both.to.matches(both.rows.at(20).digest));
    }
}

TEST_CASE("a copy that is given up leaves nothing of what waits") {
    Both both;
    for (int i = 0; i < 10; ++i) both.add("payload " + std::to_string(i));
    {
        manager::PayloadCopies copies(both.from, both.to, false, [](const auto&, const auto&) { FAIL("nothing was published"); });
        for (const auto& row : both.rows) copies.copy(row, {});
        CHECK_THROWS_AS(copies.copy(row_of("payload 3"), [](std::uint64_t) { throw IoError("stopped", EINTR); }), IoError);
    }
    CHECK(both.to.list().blobs.empty());
    CHECK(fs::is_empty(both.scratch / "to/trash"));
}
