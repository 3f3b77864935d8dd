#include "base/canonical_scan.hpp"

#include <algorithm>
#include <array>
#include <bit>
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

// Sixteen bytes that are looked at together: with GCC's and clang's vectors, on any processor. As signed ones, what is beyond
// ASCII is below the controls.
using Block = std::int8_t __attribute__((vector_size(16)));

constexpr Block all(std::int8_t c) { return Block{c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c}; }

// How many bytes, of sixteen and from the first on, stand for themselves.
std::size_t count_plain(const char* bytes) {
    Block block;
    std::memcpy(&block, bytes, sizeof block);
    const auto odd = (block < all(0x20)) | (block == all('"')) | (block == all('\\'));
    std::array<std::uint64_t, 2> halves;
    static_assert(sizeof odd == sizeof halves && std::endian::native == std::endian::little);
    std::memcpy(halves.data(), &odd, sizeof halves);
    if (halves[0] != 0) return static_cast<std::size_t>(std::countr_zero(halves[0])) / 8;
    return halves[1] != 0 ? 8 + static_cast<std::size_t>(std::countr_zero(halves[1])) / 8 : sizeof block;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

}  // namespace

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

// By pointers of its own: what is written to a member could be the text, for all that the compiler knows.
bool CanonicalScan::string(std::string_view& raw) {
    if (!take('"')) return false;
    const char* const text = text_.data();
    const char* const end = text + text_.size();
    const char* const begin = text + at_;
    bool all_plain = true;
    for (const char* at = begin;;) {
        for (std::size_t count = sizeof(Block); count == sizeof(Block) && end - at >= std::ptrdiff_t{sizeof(Block)};
             at += count) {
            count = count_plain(at);
        }
        while (at != end && is_plain(*at)) ++at;
        if (at == end) return false;
        at_ = static_cast<std::size_t>(at - text);
        if (*at == '"') {
            ++at_;
            is_plain_ = all_plain;
            raw = {begin, static_cast<std::size_t>(at - begin)};
            return true;
        }
        all_plain = false;
        if (!special()) return false;
        at = text + at_;
    }
}

// Within a string: an escape, or a character beyond ASCII.
bool CanonicalScan::special() {
    const char c = text_[at_];
    if (c == '\\') {
        ++at_;
        return escape();
    }
    const auto length = static_cast<unsigned char>(c) < 0x20 ? 0 : utf8_length(text_, at_);
    at_ += length;
    return length != 0;
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

// Escapes and characters beyond ASCII don't sort by their bytes; keys that have none do.
bool CanonicalScan::key_less_as_meant(const Key& a, const Key& b) {
    return a.is_plain && b.is_plain ? a.raw < b.raw : utf16_less(unescape(a.raw), unescape(b.raw));
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
