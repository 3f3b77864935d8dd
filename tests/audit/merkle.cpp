#include "audit/merkle.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <string>
#include <vector>

#include "audit/plain_tree.hpp"
#include "base/sha256.hpp"

using namespace custody;
using namespace custody::audit;
using custody::testing::plain_path;
using custody::testing::plain_root;

namespace {

std::string from_hex(std::string_view hex) {
    std::string bytes;
    for (std::size_t at = 0; at < hex.size(); at += 2)
        bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
    return bytes;
}

/// The inputs of Certificate Transparency's reference implementation, used by most others since.
const std::vector<std::string> inputs = {"",
                                         from_hex("00"),
                                         from_hex("10"),
                                         from_hex("2021"),
                                         from_hex("3031"),
                                         from_hex("40414243"),
                                         from_hex("5051525354555657"),
                                         from_hex("606162636465666768696a6b6c6d6e6f")};
const std::vector<std::string> roots = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

std::vector<std::string> numbered(std::size_t count) {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < count; ++i) lines.push_back("line " + std::to_string(i));
    return lines;
}

}  // namespace

TEST_CASE("the roots of the published test vectors") {
    CHECK(Frontier().root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    Frontier frontier;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        frontier.append(leaf_hash(inputs[i]));
        CHECK(frontier.root().hex() == roots[i]);
    }
}

TEST_CASE("the published inclusion paths lead to the published root") {
    const auto digests = [](std::initializer_list<const char*> hex) {
        std::vector<Digest> path;
        for (const char* each : hex) path.push_back(Digest::parse(each));
        return path;
    };
    const auto first = digests({"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"});
    CHECK(root_of_path(leaf_hash(inputs[0]), 0, 8, first)->hex() == roots[7]);
    const auto third = digests({"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"});
    CHECK(root_of_path(leaf_hash(inputs[2]), 2, 3, third)->hex() == roots[2]);
}

TEST_CASE("every size up to 300 agrees with the plain tree, by leaves and by subtrees") {
    const auto lines = numbered(300);
    Frontier frontier;
    for (std::size_t size = 1; size <= lines.size(); ++size) {
        frontier.append(leaf_hash(lines[size - 1]));
        REQUIRE(frontier.root() == plain_root(std::span(lines).first(size)));
        REQUIRE(frontier.hashes().size() == static_cast<std::size_t>(std::popcount(size)));
        REQUIRE(Frontier::of(size, frontier.hashes()) == frontier);
    }
    Frontier by_subtrees;
    by_subtrees.append_subtree(8, plain_root(std::span(lines).first(256)));
    by_subtrees.append_subtree(5, plain_root(std::span(lines).subspan(256, 32)));
    for (std::size_t i = 288; i < 300; ++i) by_subtrees.append(leaf_hash(lines[i]));
    CHECK(by_subtrees == frontier);
}

TEST_CASE("every leaf of every size up to 40 is proven by its path, and by no other") {
    const auto lines = numbered(40);
    for (std::size_t size = 1; size <= lines.size(); ++size) {
        const auto tree = std::span(lines).first(size);
        for (std::size_t index = 0; index < size; ++index) {
            const auto path = plain_path(tree, index);
            const auto leaf = leaf_hash(lines[index]);
            REQUIRE(root_of_path(leaf, index, size, path) == plain_root(tree));
            for (std::size_t other = 0; other < size; ++other) {
                if (other != index) REQUIRE(root_of_path(leaf, other, size, path) != plain_root(tree));
            }
            auto longer = path;
            longer.push_back(leaf);
            REQUIRE_FALSE(root_of_path(leaf, index, size, longer));
            if (path.empty()) continue;
            REQUIRE_FALSE(root_of_path(leaf, index, size, std::span(path).first(path.size() - 1)));
        }
        REQUIRE_FALSE(root_of_path(leaf_hash(""), size, size, {}));
    }
}

TEST_CASE("a frontier has one hash for each 1 bit of its size") {
    const auto hash = base::sha256("x");
    CHECK(Frontier::of(0, {}));
    CHECK(Frontier::of(5, {hash, hash}));
    CHECK_FALSE(Frontier::of(5, {hash}));
    CHECK_FALSE(Frontier::of(0, {hash}));
    CHECK_FALSE(Frontier::of(4, {hash, hash}));
}
