#include <custody/error.hpp>
#include <custody/ids.hpp>

#include <doctest/doctest.h>

#include <set>
#include <type_traits>
#include <unordered_set>

using namespace custody;

static_assert(!std::is_default_constructible_v<ArtifactId> && !std::is_default_constructible_v<Digest>);
static_assert(!std::is_convertible_v<ArtifactId, RunId> && !std::is_constructible_v<RunId, ArtifactId>);

TEST_CASE("a random id is a UUID of version 4, and its first eight characters differ between ids") {
    std::set<std::string> beginnings;
    std::unordered_set<ArtifactId> ids;
    for (int i = 0; i < 500; ++i) {
        const auto id = ArtifactId::random();
        const std::string text = id.str();
        REQUIRE(text.size() == 36);
        for (std::size_t place = 0; place < text.size(); ++place) {
            const std::string_view allowed = place == 8 || place == 13 || place == 18 || place == 23 ? "-"
                                             : place == 14                                           ? "4"
                                             : place == 19                                           ? "89ab"
                                                                                                     : "0123456789abcdef";
            REQUIRE(allowed.find(text[place]) != std::string_view::npos);
        }
        REQUIRE(ArtifactId::parse(id.str()) == id);
        beginnings.insert(id.str().substr(0, 8));
        ids.insert(id);
    }
    CHECK(beginnings.size() == 500);
    CHECK(ids.size() == 500);
}

TEST_CASE("an id is read in either case and of any version, and written in lower case") {
    CHECK(RunId::parse("0D4A6F3E-8c1b-1F57-9A2E-61c7d05b8f34").str() == "0d4a6f3e-8c1b-1f57-9a2e-61c7d05b8f34");
    CHECK(RunId::parse("00000000-0000-0000-0000-000000000000").bytes() == RunId::Bytes{});
    CHECK(RunId::parse("ffffffff-ffff-ffff-ffff-ffffffffffff").bytes()[15] == 0xff);
    CHECK(RunId::parse("00010203-0405-0607-0809-0a0b0c0d0e0f").bytes()[10] == 10);
    CHECK(RunId::parse("00000000-0000-0000-0000-000000000001") < RunId::parse("00000000-0000-0000-0000-000000000002"));
}

TEST_CASE("what is no UUID is no id") {
    for (const char* text :
         {"", "x", "../../x", "0d4a6f3e8c1b1f579a2e61c7d05b8f34", "{0d4a6f3e-8c1b-1f57-9a2e-61c7d05b8f34}",
          "0d4a6f3e-8c1b-1f57-9a2e-61c7d05b8f3", "0d4a6f3e-8c1b-1f57-9a2e-61c7d05b8f345", "0d4a6f3e-8c1b-1f57-9a2e-61c7d05b8f3g",
          "0d4a6f3e-8c1b-1f57-9a2e_61c7d05b8f34", "0d4a6f3e-8c1b-1f57--a2e-61c7d05b8f34", "0d4a6f3e08c1b-1f57-9a2e-61c7d05b8f34",
          " d4a6f3e-8c1b-1f57-9a2e-61c7d05b8f34", "0d4a6f3e-8c1b-1f57-9a2e-61c7d05b8f3\xff"}) {
        CAPTURE(text);
        CHECK_FALSE(ArtifactId::try_parse(text).has_value());
        CHECK_THROWS_AS(static_cast<void>(ArtifactId::parse(text)), InvalidArgument);
    }
    CHECK_FALSE(ArtifactId::try_parse(std::string(36, '\0')).has_value());
}

TEST_CASE("a digest is read from 64 lower-case digits and written back") {
    const std::string hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    CHECK(Digest::parse(hex).hex() == hex);
    CHECK(Digest::parse(hex).bytes()[0] == 0xba);
    CHECK(Digest::parse(hex) == Digest(Digest::parse(hex).bytes()));
    std::string upper = hex;
    upper[0] = 'B';
    std::string beyond = hex;
    beyond[0] = 'z';
    for (const std::string& wrong : {std::string(), hex + "0", hex.substr(1), hex.substr(2), upper, beyond}) {
        CHECK_THROWS_AS(static_cast<void>(Digest::parse(wrong)), InvalidArgument);
    }
}
