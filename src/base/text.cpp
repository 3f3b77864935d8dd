#include "base/text.hpp"

#include <algorithm>

#include <re2/re2.h>

namespace custody::base {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

constexpr bool in_range(unsigned char byte, unsigned low, unsigned high) noexcept { return byte >= low && byte <= high; }

/// Table 3-7 of the Unicode standard: the second byte's bounds shut out overlong forms, surrogates and what is past U+10FFFF.
std::size_t multibyte_length(std::string_view rest) noexcept {
    const auto byte = [rest](std::size_t i) { return i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0U; };
    const auto continues = [&byte](std::size_t i) { return in_range(static_cast<unsigned char>(byte(i)), 0x80, 0xBF); };
    const auto first = static_cast<unsigned char>(rest[0]);
    const auto second = static_cast<unsigned char>(byte(1));
    if (in_range(first, 0xC2, 0xDF)) return continues(1) ? 2 : 0;
    if (in_range(first, 0xE0, 0xEF)) {
        const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
        const unsigned high = first == 0xED ? 0x9F : 0xBF;
        return in_range(second, low, high) && continues(2) ? 3 : 0;
    }
    if (in_range(first, 0xF0, 0xF4)) {
        const unsigned low = first == 0xF0 ? 0x90 : 0x80;
        const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
        return in_range(second, low, high) && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

constexpr bool is_ascii(char c) noexcept { return static_cast<unsigned char>(c) < 0x80; }

constexpr bool is_safe_ascii(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/// The last extension with its dot, two where the last is a compression (".nii.gz"); empty where there is none or it is
/// too long to be one.
std::string_view extension_of(std::string_view name) {
    constexpr std::size_t longest = 16;
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0 || name.size() - dot > longest) return {};
    const std::string_view last = name.substr(dot);
    if (last == ".gz" || last == ".bz2" || last == ".xz" || last == ".zst") {
        const std::size_t before = name.rfind('.', dot - 1);
        if (before != std::string_view::npos && before != 0 && name.size() - before <= longest) return name.substr(before);
    }
    return last;
}

/// The longest beginning of at most `max_bytes` that ends with a whole character.
std::string_view cut(std::string_view text, std::size_t max_bytes) noexcept {
    if (text.size() <= max_bytes) return text;
    std::size_t end = max_bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return text.substr(0, end);
}

}  // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) noexcept {
    if (at >= text.size()) return 0;
    if (static_cast<unsigned char>(text[at]) < 0x80) return 1;
    return multibyte_length(text.substr(at));
}

bool is_clean_utf8(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text, at);
        if (length == 0 || text[at] == '\0') return false;
        at += length;
    }
    return true;
}

std::string to_clean_utf8(std::string_view text) {
    std::string clean;
    clean.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text, at);
        if (length == 0 || text[at] == '\0') {
            clean += replacement;
            ++at;
        } else {
            clean += text.substr(at, length);
            at += length;
        }
    }
    return clean;
}

std::string shortened(std::string text, std::size_t max_bytes) {
    static constexpr std::string_view ellipsis = "\xE2\x80\xA6";  // U+2026
    if (text.size() <= max_bytes) return text;
    text.resize(cut(text, max_bytes < ellipsis.size() ? 0 : max_bytes - ellipsis.size()).size());
    return text.append(ellipsis);
}

std::string safe_file_name(std::string_view name, std::size_t max_bytes) {
    // A name may come from another system, so its separator counts too.
    const std::size_t separator = name.find_last_of("/\\");
    if (separator != std::string_view::npos) name.remove_prefix(separator + 1);
    std::string safe = to_clean_utf8(name);
    // RE2 knows the letters of all scripts, and takes a millisecond to begin.
    if (std::all_of(safe.begin(), safe.end(), is_ascii)) {
        const auto is_unsafe = [](char c) { return !is_safe_ascii(c); };
        std::replace_if(safe.begin(), safe.end(), is_unsafe, '_');
    } else {
        static const RE2 unsafe("[^\\pL\\pM\\pN._-]");
        RE2::GlobalReplace(&safe, unsafe, "_");
    }
    safe.erase(0, std::min(safe.find_first_not_of(".-"), safe.size()));
    if (safe.size() > max_bytes) {
        std::string_view extension = extension_of(safe);
        if (extension.size() >= max_bytes) extension = {};
        const std::string_view stem = std::string_view(safe).substr(0, safe.size() - extension.size());
        safe = std::string(cut(stem, max_bytes - extension.size())).append(extension);
        // What was cut in the middle of its first character may begin with the dot of the extension.
        safe.erase(0, std::min(safe.find_first_not_of(".-"), safe.size()));
    }
    return safe.empty() ? "file" : safe;
}

bool is_identifier(std::string_view name) noexcept {
    if (name.empty() || name.size() > 63 || name.front() < 'a' || name.front() > 'z') return false;
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

std::string csv_cell(std::string_view text) {
    std::string cell;
    if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos) cell = "'";
    cell += text;
    if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
    std::string quoted = "\"";
    for (const char c : cell) quoted.append(c == '"' ? 2U : 1U, c);
    return quoted += '"';
}

}  // namespace custody::base
