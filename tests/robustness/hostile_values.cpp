#include "robustness/hostile_values.hpp"

#include <limits>

namespace custody::testing {

namespace {

const std::vector<std::string>& bad_texts() {
    static const std::vector<std::string> texts{
        "",
        std::string(1, '\0'),
        std::string("a\0b", 3),
        "\xff\xfe",
        "\xed\xa0\x80",      // a surrogate
        "\xc0\xaf",          // an overlong form
        "\xf4\x90\x80\x80",  // past the last character
        "\xe2\x82",          // cut
        "../../../../etc/passwd",
        "/etc/shadow",
        "..",
        ".",
        "-rf",
        "a/b",
        "name\nwith\nlines",
        "name\r\nwith: headers",
        "\x1b[31mred\x1b[0m\x07",
        "'; DROP TABLE artifacts; --",
        "\" OR 1=1 --",
        "x'); DELETE FROM audit_entries; --",
        "%s%n%x",
        "${HOME}`id`$(id)",
        "=cmd|' /C calc'!A0",
        "\u202e\u200b\ufeff",
        "NaN",
        "null",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-4fff-bfff-ffffffffffff",
        "derived_from",
        "log",
        "video_raw",
        "2026-10",
        "2026-13-45T99:99:99Z",
        "sha256:0000",
        "key",
        " ",
        "\t",
    };
    return texts;
}

}  // namespace

std::string HostileValues::text() {
    switch (below(8)) {
        case 0: {
            std::string bytes(below(40), '\0');
            for (auto& c : bytes) c = static_cast<char>(below(256));
            return bytes;
        }
        case 1:
            return std::string(below(20) == 0 ? 300000 : below(5000), static_cast<char>('a' + below(26)));
        case 2:
            return one_of(bad_texts()) + one_of(bad_texts());
        case 3:
            return "text_" + std::to_string(below(1000));
        default:
            return one_of(bad_texts());
    }
}

std::string HostileValues::json_text() {
    switch (below(9)) {
        case 0: {
            const auto depth = below(4) == 0 ? 100000 : below(100);
            std::string deep;
            for (std::uint64_t i = 0; i < depth; ++i) deep += "{\"a\":";
            return deep + "1" + std::string(depth, '}');
        }
        case 1:
            return std::string(below(100000), '[');
        case 2:
            return "{\"a\":1,\"a\":2}";
        case 3:
            return "{\"a\":1e999,\"b\":-1e999,\"c\":123456789012345678901234567890}";
        case 4:
            return "{\"a\":\"\\ud800\",\"b\":\"\\u0000\"}";
        case 5:
            return "{\"" + text() + "\":\"" + text() + "\"}";
        case 6:
            return "{} trailing";
        case 7:
            return text();
        default:
            return "{\"n\":" + std::to_string(number()) + "}";
    }
}

json HostileValues::value(int depth) {
    switch (below(depth > 6 ? 7 : 11)) {
        case 0:
            return nullptr;
        case 1:
            return std::numeric_limits<double>::quiet_NaN();
        case 2:
            return std::numeric_limits<double>::infinity();
        case 3:
            return text();
        case 4:
            return number();
        case 5:
            return json::binary({0, 1, 255});
        case 6:
            return static_cast<std::uint64_t>(number());
        case 7: {
            auto array = json::array();
            for (auto i = below(4); i > 0; --i) array.push_back(value(depth + 1));
            return array;
        }
        case 8: {
            json deep = 1;
            for (auto i = below(200); i > 0; --i) deep = json{{"a", deep}};
            return deep;
        }
        default: {
            auto object = json::object();
            for (auto i = below(4); i > 0; --i) object[text()] = value(depth + 1);
            return object;
        }
    }
}

std::int64_t HostileValues::number() {
    static const std::vector<std::int64_t> numbers{0,
                                                   1,
                                                   -1,
                                                   2147483647,
                                                   -2147483647 - 1,
                                                   2147483648,
                                                   (1LL << 53) + 1,
                                                   std::numeric_limits<std::int64_t>::max(),
                                                   std::numeric_limits<std::int64_t>::min(),
                                                   100};
    return chance(3) ? static_cast<std::int64_t>(random_()) : one_of(numbers);
}

Timestamp HostileValues::time() {
    return chance(2) ? Timestamp(Timestamp::TimePoint(Timestamp::Duration(number()))) : Timestamp::now();
}

}  // namespace custody::testing
