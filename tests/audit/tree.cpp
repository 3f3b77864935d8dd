// The tree in the database: tiles and head against the plain tree over the same lines.
#include "audit/tree.hpp"

#include <doctest/doctest.h>

#include <custody/error.hpp>
#include <set>

#include "audit/plain_tree.hpp"
#include "sqlite/migrations.hpp"
#include "sqlite/support.hpp"

using namespace custody;
using namespace custody::audit;
using namespace custody::testing;

namespace {

std::string line_of(std::size_t seq) { return "{\"seq\":" + std::to_string(seq) + "}"; }

/// Entries from `lines.size()` to `size`, in transactions of so many, as a writer would add them.
void grow(sqlite::Database& database, std::vector<std::string>& lines, std::size_t size, std::size_t step) {
    while (lines.size() < size) {
        database.write([&](sqlite::Connection& connection) {
            Tree tree(connection);
            const auto head = tree.head();
            std::vector<Digest> leaves;
            for (std::size_t i = 0; i < step && lines.size() < size; ++i) {
                lines.push_back(line_of(lines.size() + 1));
                sqlite::Query(connection, "INSERT INTO audit_entries (seq, line) VALUES (?, ?)", lines.size(), lines.back())
                    .run();
                leaves.push_back(leaf_hash(lines.back()));
            }
            tree.extend(head, leaves);
        });
    }
}

}  // namespace

TEST_CASE("heads, frontiers and paths from the tiles are those of the plain tree") {
    const TestDatabase test;
    auto database = test.open();
    std::vector<std::string> lines;
    for (const auto& [size, step] : std::vector<std::pair<std::size_t, std::size_t>>{
             {1, 1}, {255, 100}, {256, 1}, {257, 1}, {600, 7}, {1300, 1000}, {1536, 1}, {1537, 1}}) {
        grow(*database, lines, size, step);
        CAPTURE(size);
        database->read([&](sqlite::Connection& connection) {
            Tree tree(connection);
            CHECK(tree.head().root() == plain_root(lines));
            CHECK(tree.head().size() == size);
            for (const std::size_t at : std::set<std::size_t>{0, 1, size / 3, size / 2, size - 1, size}) {
                CHECK(tree.frontier_at(at).root() == plain_root(std::span(lines).first(at)));
                if (at < size) CHECK(tree.inclusion_path(at, size) == plain_path(lines, at));
                if (at > 0) CHECK(tree.inclusion_path(at / 2, at) == plain_path(std::span(lines).first(at), at / 2));
            }
        });
    }
}

TEST_CASE("a tile of tiles fills too, and a path reads a few rows of many") {
    const TestDatabase test;
    auto database = test.open();
    std::vector<std::string> lines;
    grow(*database, lines, 66000, 20000);
    database->read([&](sqlite::Connection& connection) {
        Tree tree(connection);
        CHECK(tree.stored_tile(1, 0).size() == 256);
        CHECK(tree.stored_tile(2, 0).size() == 1);
        CHECK(tree.head().root() == plain_root(lines));
        for (const std::size_t index : {0UL, 65535UL, 65536UL, 65999UL}) {
            CHECK(root_of_path(leaf_hash(lines[index]), index, lines.size(),
                               Tree(connection).inclusion_path(index, lines.size())) == plain_root(lines));
        }
    });
}

TEST_CASE("a head or a tile that can't be right is told") {
    const TestDatabase test;
    auto database = test.open();
    std::vector<std::string> lines;
    grow(*database, lines, 300, 300);
    database->write([&](sqlite::Connection& connection) {
        Tree tree(connection);
        CHECK_THROWS_AS(tree.inclusion_path(300, 300), InvalidArgument);
        CHECK_THROWS_AS(tree.frontier_at(301), Corruption);
        sqlite::Query(connection, "UPDATE audit_tree SET frontier = zeroblob(32)").run();
        CHECK_THROWS_AS(Tree(connection).head(), Corruption);
    });
}

TEST_CASE("the tree never shrinks") {
    const TestDatabase test;
    auto database = test.open();
    std::vector<std::string> lines;
    grow(*database, lines, 3, 3);
    database->write([&](sqlite::Connection& connection) {
        const std::vector<Digest> one = {leaf_hash(lines.front())};
        CHECK_THROWS_AS(Tree(connection).extend(Frontier(), one), Corruption);
        CHECK(Tree(connection).head().root() == plain_root(lines));
    });
}

TEST_CASE("the tree of a store older than it is built by the migration") {
    const Scratch scratch;
    std::vector<std::string> lines;
    {
        const auto connection = at_version(scratch / "old.db", 3);
        for (int seq = 1; seq <= 700; ++seq) {
            lines.push_back(line_of(static_cast<std::size_t>(seq)));
            sqlite::Query(*connection, "INSERT INTO audit_entries (seq, line) VALUES (?, ?)", seq, lines.back()).run();
        }
        sqlite::migrate(*connection, [](sqlite::Connection& migrated, int version) {
            if (version == 4) build_tree(migrated);
        });
        Tree tree(*connection);
        CHECK(tree.head().root() == plain_root(lines));
        CHECK(tree.inclusion_path(3, 700) == plain_path(lines, 3));
        build_tree(*connection);  // there is one: nothing is done
        CHECK(tree.head().size() == 700);
    }
}
