#include "base/canonical_scan.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <custody/error.hpp>

#include "base/canonical_json.hpp"
#include "base/text.hpp"

namespace custody::base {

namespace {

constexpr std::size_t max_depth = 1000;  // as the writer has it

// Bytes of a string that stand for themselves: all of ASCII but controls, the quote and the backslash.
constexpr auto plain = [] {
    std::array<bool, 256> table{};
    for (unsigned c = 0x20; c < 0x80; ++c) table[c] = c != '"' && c != '\\';
    return table;
}();

bool is_plain(char c) { return plain[static_cast<unsigned char>(c)]; }

// Whether all of eight bytes stand for themselves: a carry out of a byte tells that it is below, or equal to, what it is held
// against.
bool are_plain(const char* bytes) {
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::uint64_t highs = 0x8080808080808080;
    std::uint64_t eight;
    std::memcpy(&eight, bytes, sizeof eight);
    const auto quotes = eight ^ (ones * '"');
    const auto backslashes = eight ^ (ones * '\\');
    const auto odd = (eight - ones * 0x20) | (quotes - ones) | (backslashes - ones) | eight;
    return (odd & highs) == 0;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

}  // namespace

bool CanonicalScan::take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
}

// After a backslash. What has a short form must have that, and only controls have a long one.
bool CanonicalScan::escape() {
    constexpr std::string_view short_forms = "\"\\bfnrt";
    if (at_end()) return false;
    const char c = text_[at_++];
    if (short_forms.find(c) != std::string_view::npos) return true;
    if (c != 'u' || !take("00") || text_.size() - at_ < 2) return false;
    const int high = hex_value(text_[at_]);
    const int low = hex_value(text_[at_ + 1]);
    at_ += 2;
    if ((high != 0 && high != 1) || low < 0) return false;
    const int code = high * 16 + low;
    return code != '\b' && code != '\t' && code != '\n' && code != '\f' && code != '\r';
}

bool CanonicalScan::string(std::string_view& raw) {
    if (!take('"')) return false;
    const auto begin = at_;
    while (at_ < text_.size()) {
        while (at_ + 8 <= text_.size() && are_plain(text_.data() + at_)) at_ += 8;
        if (at_ == text_.size()) return false;
        const char c = text_[at_];
        if (is_plain(c)) {
            ++at_;
        } else if (c == '"') {
            raw = text_.substr(begin, at_ - begin);
            ++at_;
            return true;
        } else if (c == '\\') {
            ++at_;
            if (!escape()) return false;
        } else {
            const auto length = static_cast<unsigned char>(c) < 0x20 ? 0 : utf8_length(text_, at_);
            if (length == 0) return false;
            at_ += length;
        }
    }
    return false;
}

bool CanonicalScan::number() {
    const auto begin = at_;
    const bool negative = take('-');
    const auto digits = at_;
    while (next() >= '0' && next() <= '9') ++at_;
    const auto count = at_ - digits;
    const char after = next();
    if (after != '.' && after != 'e' && count >= 1 && count <= 15) {
        return text_[digits] != '0' || (count == 1 && !negative);
    }
    while (after != '\0' && std::string_view("0123456789.e+-").find(next()) != std::string_view::npos && !at_end()) ++at_;
    const std::string text(text_.substr(begin, at_ - begin));
    // Larger integers and fractions are rare: read and written again.
    const auto value = json::parse(text, nullptr, false);
    if (!value.is_number()) return false;
    try {
        return canonical_json(value) == text;
    } catch (const InvalidArgument&) {
        return false;
    }
}

bool CanonicalScan::array(std::size_t depth) {
    if (!take('[')) return false;
    if (take(']')) return true;
    for (;;) {
        if (!value(depth)) return false;
        if (take(']')) return true;
        if (!take(',')) return false;
    }
}

bool CanonicalScan::value(std::size_t depth) {
    if (depth > max_depth) return false;
    std::string_view raw;
    switch (next()) {
        case '"':
            return string(raw);
        case '{':
            return object([&](std::string_view) { return value(depth + 1); });
        case '[':
            return array(depth + 1);
        case 't':
            return take("true");
        case 'f':
            return take("false");
        case 'n':
            return take("null");
        default:
            return number();
    }
}

bool CanonicalScan::key_less(std::string_view a, std::string_view b) {
    // Escapes and characters beyond ASCII don't sort by their bytes; keys that have none do.
    for (const auto key : {a, b}) {
        for (const char c : key) {
            if (!is_plain(c)) return utf16_less(unescape(a), unescape(b));
        }
    }
    return a < b;
}

bool is_canonical_json(std::string_view text) {
    CanonicalScan scan(text);
    return scan.value() && scan.at_end();
}

std::string unescape(std::string_view raw) {
    std::string text;
    text.reserve(raw.size());
    for (std::size_t at = 0; at < raw.size(); ++at) {
        const auto end = std::min(raw.find('\\', at), raw.size());
        text += raw.substr(at, end - at);
        at = end;
        if (at + 1 >= raw.size()) break;
        switch (const char c = raw[++at]) {
            case 'b':
                text += '\b';
                break;
            case 'f':
                text += '\f';
                break;
            case 'n':
                text += '\n';
                break;
            case 'r':
                text += '\r';
                break;
            case 't':
                text += '\t';
                break;
            case 'u':
                text += static_cast<char>(hex_value(raw[at + 3]) * 16 + hex_value(raw[at + 4]));
                at += 4;
                break;
            default:
                text += c;
        }
    }
    return text;
}

}  // namespace custody::base
