#include "base/canonical_json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

#include <custody/error.hpp>

#include "base/text.hpp"

namespace custody::base {

namespace {

constexpr std::size_t max_depth = 1000;
constexpr std::int64_t max_integer = std::int64_t{1} << 53;

/// Among well-formed UTF-8, bytes sort as code points do. UTF-16 differs in one thing: its surrogates (lead bytes F0 to F4)
/// come before U+E000 to U+FFFF (lead bytes EE and EF).
unsigned utf16_rank(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0xEE || byte == 0xEF ? byte + 0x10U : byte;
}

void write_escaped(std::string& out, char c) {
    constexpr char digits[] = "0123456789abcdef";
    switch (c) {
        case '"':
            out += "\\\"";
            break;
        case '\\':
            out += "\\\\";
            break;
        case '\b':
            out += "\\b";
            break;
        case '\t':
            out += "\\t";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\f':
            out += "\\f";
            break;
        case '\r':
            out += "\\r";
            break;
        default:
            out += "\\u00";
            out += digits[static_cast<unsigned char>(c) >> 4U];
            out += digits[static_cast<unsigned char>(c) & 0x0FU];
    }
}

// Characters that stand in a string as they are, and are one byte.
constexpr auto is_plain = [] {
    std::array<bool, 256> plain{};
    for (std::size_t byte = 0x20; byte < 0x80; ++byte) plain[byte] = byte != '"' && byte != '\\';
    return plain;
}();

void write_string(std::string& out, std::string_view text) {
    out += '"';
    std::size_t written = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (is_plain[byte]) {
            ++at;
        } else if (byte < 0x80) {
            out += text.substr(written, at - written);
            write_escaped(out, text[at]);
            written = ++at;
        } else {
            const std::size_t length = utf8_length(text, at);
            if (length == 0) throw InvalidArgument("canonical JSON: a string is not valid UTF-8");
            at += length;
        }
    }
    out += text.substr(written);
    out += '"';
}

void write_integer(std::string& out, std::int64_t value) {
    if (value > max_integer || value < -max_integer) throw InvalidArgument("canonical JSON: an integer is beyond 2^53");
    out += std::to_string(value);
}

void write_float(std::string& out, double value) {
    if (!std::isfinite(value)) throw InvalidArgument("canonical JSON: NaN and infinities have no form");
    const std::string text = canonical_number(value);
    if (std::abs(value) > static_cast<double>(max_integer) && text.find('e') == std::string::npos) {
        // Read again it would be an integer, one that this writer refuses.
        throw InvalidArgument("canonical JSON: an integer is beyond 2^53");
    }
    out += text;
}

void write_value(std::string& out, const json& value, std::size_t depth);

void write_object(std::string& out, const json& object, std::size_t depth) {
    std::vector<json::const_iterator> members;
    members.reserve(object.size());
    for (auto it = object.begin(); it != object.end(); ++it) members.push_back(it);
    std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return utf16_less(a.key(), b.key()); });
    out += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (i > 0) out += ',';
        write_string(out, members[i].key());
        out += ':';
        write_value(out, members[i].value(), depth + 1);
    }
    out += '}';
}

void write_array(std::string& out, const json& array, std::size_t depth) {
    out += '[';
    bool first = true;
    for (const json& element : array) {
        if (!first) out += ',';
        first = false;
        write_value(out, element, depth + 1);
    }
    out += ']';
}

void write_value(std::string& out, const json& value, std::size_t depth) {
    if (depth > max_depth) throw InvalidArgument("canonical JSON: nested more than 1000 levels deep");
    switch (value.type()) {
        case json::value_t::null:
            out += "null";
            return;
        case json::value_t::boolean:
            out += value.get<bool>() ? "true" : "false";
            return;
        case json::value_t::number_integer:
            return write_integer(out, value.get<std::int64_t>());
        case json::value_t::number_unsigned:
            // Whatever doesn't fit is beyond the bound anyway.
            return write_integer(out, static_cast<std::int64_t>(std::min<std::uint64_t>(value.get<std::uint64_t>(), INT64_MAX)));
        case json::value_t::number_float:
            return write_float(out, value.get<double>());
        case json::value_t::string:
            return write_string(out, value.get_ref<const std::string&>());
        case json::value_t::array:
            return write_array(out, value, depth);
        case json::value_t::object:
            return write_object(out, value, depth);
        case json::value_t::binary:
        case json::value_t::discarded:
            break;
    }
    throw InvalidArgument("canonical JSON: a value has no form in JSON");
}

}  // namespace

std::string canonical_number(double value) {
    if (!std::isfinite(value)) throw InvalidArgument("canonical JSON: NaN and infinities have no form");
    // The shortest digits that read back as the same double, as d.ddde±xx; what remains is where the point goes.
    char buffer[32];
    const auto end = std::to_chars(std::begin(buffer), std::end(buffer), std::abs(value), std::chars_format::scientific).ptr;
    const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
    const std::size_t mark = text.find('e');
    std::string digits(1, text[0]);
    if (mark > 2) digits += text.substr(2, mark - 2);
    int exponent = 0;
    const std::size_t number = text[mark + 1] == '+' ? mark + 2 : mark + 1;
    std::from_chars(text.data() + number, text.data() + text.size(), exponent);

    const int count = static_cast<int>(digits.size());
    const int point = exponent + 1;          // ECMA-262's n: digits before the decimal point
    std::string out = value < 0 ? "-" : "";  // minus zero gets none
    if (count <= point && point <= 21) {
        return out + digits + std::string(static_cast<std::size_t>(point - count), '0');
    }
    if (0 < point && point <= 21) return out + digits.insert(static_cast<std::size_t>(point), 1, '.');
    if (-6 < point && point <= 0) return out + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
    if (count > 1) digits.insert(1, 1, '.');
    return out + digits + (exponent < 0 ? "e-" : "e+") + std::to_string(std::abs(exponent));
}

bool utf16_less(std::string_view a, std::string_view b) noexcept {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](char x, char y) { return utf16_rank(x) < utf16_rank(y); });
}

void append_canonical_string(std::string& out, std::string_view text) { write_string(out, text); }

std::string canonical_json(const json& value) {
    std::string out;
    out.reserve(512);
    write_value(out, value, 1);
    return out;
}

}  // namespace custody::base
