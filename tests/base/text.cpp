#include "base/text.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace custody::base;
using namespace std::string_literals;

TEST_CASE("clean UTF-8 is well formed and without NUL") {
    for (const char* good : {"", "plain", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
                             "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "\x01\x7f"}) {
        CHECK(is_clean_utf8(good));
        CHECK(to_clean_utf8(good) == good);
    }
    for (const auto& bad : {"\x80"s,
                            "\xBF"s,
                            "\xC0\x80"s,
                            "\xC1\xBF"s,
                            "\xC2"s,
                            "\xC2\x7F"s,
                            "\xC2\xC0"s,
                            "\xE0\x9F\xBF"s,
                            "\xED\xA0\x80"s,
                            "\xED\xBF\xBF"s,
                            "\xE2\x82"s,
                            "\xE2\x28\xA1"s,
                            "\xF0\x8F\xBF\xBF"s,
                            "\xF0\x9F\x98"s,
                            "\xF4\x90\x80\x80"s,
                            "\xF5\x80\x80\x80"s,
                            "\xFE"s,
                            "\xFF"s,
                            "a\0b"s,
                            "ok\xFF"s}) {
        CHECK_FALSE(is_clean_utf8(bad));
        CHECK(is_clean_utf8(to_clean_utf8(bad)));
    }
    CHECK(to_clean_utf8("a\xFFz\0"s) == "a\xEF\xBF\xBDz\xEF\xBF\xBD");
}

TEST_CASE("random bytes become clean UTF-8") {
    std::mt19937 random(6);
    for (int round = 0; round < 5000; ++round) {
        std::string bytes(random() % 40, '\0');
        for (auto& byte : bytes) byte = static_cast<char>(random());
        const std::string clean = to_clean_utf8(bytes);
        REQUIRE(is_clean_utf8(clean));
        REQUIRE((clean == bytes) == is_clean_utf8(bytes));
    }
}

TEST_CASE("a name of ASCII alone and one with other letters have the same characters replaced") {
    for (char c = 1; c < 127; ++c) {
        if (c == '/' || c == '\\') continue;  // what stands before is a folder
        const std::string with = std::string("x") + c + "y";
        CAPTURE(with);
        CHECK("\xC3\xA4" + safe_file_name(with) == safe_file_name("\xC3\xA4" + with));
    }
}

TEST_CASE("a text is shortened to whole characters and an ellipsis, and left as it is where it fits") {
    CHECK(shortened("", 0).empty());
    CHECK(shortened("abcd", 4) == "abcd");
    CHECK(shortened("abcde", 4) == "a…");
    CHECK(shortened("aäöü", 6) == "aä…");
    CHECK(shortened("aäöü", 7) == "aäöü");
    CHECK(shortened("äöü", 4) == "…");
    for (std::size_t bytes = 3; bytes < 12; ++bytes) {
        const auto text = shortened("a😀b😀c😀", bytes);
        REQUIRE(text.size() <= bytes);
        REQUIRE(is_clean_utf8(text));
    }
}

TEST_CASE("a safe file name is the last component with odd characters replaced") {
    CHECK(safe_file_name("interview.mp4") == "interview.mp4");
    CHECK(safe_file_name("/data/in/patient interview (1).mp4") == "patient_interview__1_.mp4");
    CHECK(safe_file_name("../../etc/passwd") == "passwd");
    CHECK(safe_file_name("C:\\media\\clip.avi") == "clip.avi");
    CHECK(safe_file_name("B\xC3\xBChne_\xE6\x98\xA0\xE7\x94\xBB.mp4") == "B\xC3\xBChne_\xE6\x98\xA0\xE7\x94\xBB.mp4");
    CHECK(safe_file_name("a\nb\tc\x1b[31m;$(x).txt") == "a_b_c__31m___x_.txt");
    CHECK(safe_file_name("a\xE2\x80\xAE"
                         "fdp.exe") == "a_fdp.exe");  // turns the direction of writing
    CHECK(safe_file_name("a\xFF.mp4") == "a_.mp4");
    CHECK(safe_file_name("a\0b.mp4"s) == "a_b.mp4");
}

TEST_CASE("a safe file name has no leading dot or dash and is never empty") {
    CHECK(safe_file_name(".hidden") == "hidden");
    CHECK(safe_file_name("--rf.txt") == "rf.txt");
    for (const char* nothing : {"", ".", "..", "...", "-", "/", "a/", "a/..", "\\"}) CHECK(safe_file_name(nothing) == "file");
}

TEST_CASE("a long file name is cut between characters and keeps its extension") {
    CHECK(safe_file_name(std::string(300, 'x') + ".mp4") == std::string(116, 'x') + ".mp4");
    CHECK(safe_file_name(std::string(300, 'x') + ".nii.gz") == std::string(113, 'x') + ".nii.gz");
    CHECK(safe_file_name(std::string(300, 'x')) == std::string(120, 'x'));
    CHECK(safe_file_name("x." + std::string(300, 'y')).size() == 120);
    std::string wide;
    for (int i = 0; i < 100; ++i) wide += "\xE6\x98\xA0";
    CHECK(safe_file_name(wide + ".mp4") == wide.substr(0, 114) + ".mp4");
    CHECK(safe_file_name(wide + ".mp4").size() == 118);
}

TEST_CASE("whatever comes in, a safe file name is safe") {
    std::mt19937 random(7);
    const std::string pieces[] = {
        ".", "-", "/", "\\", "a", "\xE6\x98\xA0", "\xFF", "\n", ".mp4", " ", "\0"s, std::string(50, 'x'), ".gz"};
    for (int round = 0; round < 5000; ++round) {
        std::string name;
        for (auto count = random() % 12; count > 0; --count) name += pieces[random() % std::size(pieces)];
        const std::size_t bound = 8 + random() % 120;
        const std::string safe = safe_file_name(name, bound);
        REQUIRE_FALSE(safe.empty());
        REQUIRE(safe.size() <= bound);
        REQUIRE(is_clean_utf8(safe));
        REQUIRE(safe.find_first_of("/\\ \n") == std::string::npos);
        REQUIRE(safe.front() != '.');
        REQUIRE(safe.front() != '-');
    }
}

TEST_CASE("identifiers are lower-case words of at most 63 characters") {
    for (const auto& good : {"a"s, "video_raw"s, "x9"s, "a_"s, std::string(63, 'a')}) CHECK(is_identifier(good));
    for (const auto& bad :
         {""s, "9a"s, "_a"s, "A"s, "aB"s, "a-b"s, "a b"s, "a\0"s, "\xC3\xB6"s, "a.b"s, "../x"s, std::string(64, 'a')}) {
        CHECK_FALSE(is_identifier(bad));
    }
}

TEST_CASE("CSV cells are quoted where needed and never formulas") {
    CHECK(csv_cell("") == "");
    CHECK(csv_cell("plain text") == "plain text");
    CHECK(csv_cell("a,b") == "\"a,b\"");
    CHECK(csv_cell("say \"hi\"") == "\"say \"\"hi\"\"\"");
    CHECK(csv_cell("two\nlines") == "\"two\nlines\"");
    CHECK(csv_cell("a\rb") == "\"a\rb\"");
    CHECK(csv_cell("=1+1") == "'=1+1");
    CHECK(csv_cell("+1") == "'+1");
    CHECK(csv_cell("-1") == "'-1");
    CHECK(csv_cell("@x") == "'@x");
    CHECK(csv_cell("\tx") == "'\tx");
    CHECK(csv_cell("\rx") == "\"'\rx\"");
    CHECK(csv_cell("=a,\"b\"") == "\"'=a,\"\"b\"\"\"");
    CHECK(csv_cell("a=1") == "a=1");
}
