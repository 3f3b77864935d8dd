#include "output.hpp"

#include <fmt/format.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <custody/error.hpp>

#include "unicode.hpp"

namespace custody::cli {

namespace {

[[noreturn]] void output_failed(int code) {
    std::clearerr(stdout);
    if (code == EPIPE) throw OutputClosed();
    throw IoError(fmt::format("can't write the output: {}", std::strerror(code)), code);
}

/// As JSON writes a character it doesn't show: UTF-16 code units.
std::string json_escape(char32_t code_point) {
    const auto number = static_cast<unsigned>(code_point);
    if (number < 0x10000) return fmt::format("\\u{:04x}", number);
    return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((number - 0x10000) >> 10U), 0xDC00 + ((number - 0x10000) & 0x3FFU));
}

}  // namespace

std::string printable(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    while (!text.empty()) {
        const auto [code_point, length] = next_character(text);
        if (length == 0) {
            shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
            text.remove_prefix(1);
            continue;
        }
        if (!steers_terminal(code_point)) {
            shown += text.substr(0, length);
        } else if (code_point == '\n') {
            shown += "\\n";
        } else if (code_point == '\t') {
            shown += "\\t";
        } else {
            const auto number = static_cast<unsigned>(code_point);
            shown += code_point < 0x80 ? fmt::format("\\x{:02x}", number) : fmt::format("\\u{:04x}", number);
        }
        text.remove_prefix(length);
    }
    return shown;
}

// Of a line that is written at its end, to a terminal, fwrite counts what could not be written.
void put(std::string_view text) {
    errno = 0;
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::ferror(stdout) != 0) output_failed(errno);
}

void put_line(std::string_view text) {
    put(text);
    put("\n");
}

void put_text(std::string_view text) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        put_line(printable(text.substr(0, end)));
        if (end == std::string_view::npos) return;
        text.remove_prefix(end + 1);
    }
}

void flush_output() {
    errno = 0;
    if (std::fflush(stdout) != 0) output_failed(errno);
}

void discard_output() noexcept { __fpurge(stdout); }

void put_if_read(const std::function<void()>& print) {
    try {
        print();
        flush_output();
    } catch (const OutputClosed&) {
        discard_output();
    }
}

bool put_result(const std::string& done, const std::function<void()>& print) {
    std::string why;
    try {
        print();
        flush_output();
        return true;
    } catch (const OutputClosed& error) {
        if (done.empty()) throw;
        why = error.what();
    } catch (const IoError& error) {
        if (done.empty()) throw;
        why = error.what();
    }
    discard_output();
    complain(why + ", but " + done);
    return false;
}

void complain(std::string_view message) {
    const auto line = fmt::format("custody: {}\n", printable(message));
    std::fwrite(line.data(), 1, line.size(), stderr);
}

bool colourful() {
    static const bool welcome = [] {
        const char* no_color = std::getenv("NO_COLOR");
        const char* term = std::getenv("TERM");
        if (no_color != nullptr && *no_color != '\0') return false;
        if (term != nullptr && std::strcmp(term, "dumb") == 0) return false;
        return isatty(STDOUT_FILENO) == 1;
    }();
    return welcome;
}

std::string styled(std::string_view text, Style style) {
    if (style == Style::plain || !colourful()) return std::string(text);
    const char* code = style == Style::heading ? "1" : style == Style::good ? "32" : style == Style::doubtful ? "33" : "31";
    return fmt::format("\033[{}m{}\033[0m", code, text);
}

Style style_of(std::string_view name) {
    if (name == "failed" || name == "error" || name == "refused") return Style::bad;
    if (name == "warning" || name == "not_found" || name == "in_progress") return Style::doubtful;
    if (name == "ok") return Style::good;
    return Style::plain;
}

std::string dump(const ordered_json& value, int indent) {
    const auto text = value.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
    std::string harmless;
    harmless.reserve(text.size());
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto [code_point, length] = next_character(rest);
        const auto step = length == 0 ? 1 : length;
        // dump() has escaped what is below 0x20 inside strings; the line feeds that are left are its own.
        if (code_point >= 0x7F && steers_terminal(code_point)) {
            harmless += json_escape(code_point);
        } else {
            harmless += rest.substr(0, step);
        }
        rest.remove_prefix(step);
    }
    return harmless;
}

void put_json(const ordered_json& value) { put_line(dump(value, 2)); }

void JsonArray::add(const ordered_json& element) {
    put(empty_ ? "\n" : ",\n");
    put(dump(element, -1));
    empty_ = false;
}

void JsonArray::end(std::string_view what_follows) {
    put(empty_ ? "]" : "\n]");
    put(what_follows);
}

std::string size_text(std::uint64_t bytes) {
    static constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) return fmt::format("{} B", bytes);
    auto size = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (size >= 1023.95 && unit + 1 < std::size(units)) {
        size /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", size, units[unit]);
}

std::string time_text(const Timestamp& time) { return time_text(ordered_json(time.str())); }

std::string time_text(const ordered_json& time) {
    if (!time.is_string()) return {};
    auto text = time.get<std::string>().substr(0, 19);
    if (text.size() > 10) text[10] = ' ';
    return text;
}

std::string plain_text(const ordered_json& value) {
    if (value.is_null()) return {};
    return value.is_string() ? value.get<std::string>() : dump(value, -1);
}

std::string count_text(std::uint64_t count, std::string_view singular, std::string_view plural) {
    if (count == 1) return fmt::format("1 {}", singular);
    return plural.empty() ? fmt::format("{} {}s", count, singular) : fmt::format("{} {}", count, plural);
}

bool put_file(const std::string& what, const std::filesystem::path& file, bool as_json) {
    return put_result(what + " was written: " + file.string(), [&] {
        if (as_json) return put_json({{"output_path", file.string()}});
        put_line(file.string());
    });
}

bool put_files(const std::vector<std::filesystem::path>& files, bool as_json) {
    std::string done = count_text(files.size(), "file") + " written:";
    for (const auto& file : files) done += " " + file.string();
    return put_result(files.empty() ? "" : done, [&] {
        if (!as_json) {
            for (const auto& file : files) put_line(file.string());
            return;
        }
        JsonArray array;
        for (const auto& file : files) array.add(file.string());
        array.end();
    });
}

}  // namespace custody::cli
