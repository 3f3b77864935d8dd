#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <custody/json.hpp>
#include <custody/time.hpp>

namespace custody::cli {

/// Whoever read our stdout has gone: not worth a message.
class OutputClosed : public std::runtime_error {
   public:
    OutputClosed() : std::runtime_error("stdout was closed") {}
};

/// The text with whatever could steer a terminal (control characters, bidirectional overrides, bytes that are
/// no UTF-8) shown as \xNN or \uNNNN. Line feeds too.
std::string printable(std::string_view text);

/// Writes to stdout. @throws OutputClosed, IoError
void put(std::string_view text);
/// Writes to stdout, and a line feed.
void put_line(std::string_view text);
/// Text of several lines, each made printable.
void put_text(std::string_view text);
/// @throws OutputClosed, IoError
void flush_output();

/// Forgets what was put and can't be written.
void discard_output() noexcept;
/// Writes all that `print` puts; a reader that goes away early is no failure of the verb. @throws IoError
void put_if_read(const std::function<void()>& print);

/// Writes the result of work that stays done. Where that can't be written, `done` says on stderr what it was. Answers whether
/// it was written. @throws OutputClosed, IoError where `done` is empty: nothing was
bool put_result(const std::string& done, const std::function<void()>& print);

/// `custody: message` on stderr, control characters escaped.
void complain(std::string_view message);

/// Whether colour is welcome on stdout: a terminal, no NO_COLOR, TERM not dumb.
bool colourful();

enum class Style { plain, heading, good, doubtful, bad };
/// The text in a colour where that is welcome.
std::string styled(std::string_view text, Style style);
/// How a status, outcome or severity of that name is shown.
Style style_of(std::string_view name);

/// A JSON text that is as harmless on a terminal as `printable` makes plain text; indent −1: one line.
std::string dump(const ordered_json& value, int indent);
/// One value, indented.
void put_json(const ordered_json& value);

/// A JSON array written while its elements come, one line each.
class JsonArray {
   public:
    JsonArray() { put("["); }
    void add(const ordered_json& element);
    void end(std::string_view what_follows = "\n");

   private:
    bool empty_ = true;
};

/// The paths of files that were written: an array, or one a line. Answers whether that could be said, as put_result does.
bool put_files(const std::vector<std::filesystem::path>& files, bool as_json);
/// The same of one: an object, or its line. `what` was written.
bool put_file(const std::string& what, const std::filesystem::path& file, bool as_json);

/// Columns side by side. The last one is cut to the terminal's width, where there is one.
class Table {
   public:
    enum class Align { left, right };
    struct Column {
        std::string title;
        Align align = Align::left;
    };
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    void add(std::vector<std::string> cells);
    /// Prints the titles and the rows since the last print, if there were any; the titles once. Columns grow as the rows need.
    void print();

   private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_{};
    std::vector<std::size_t> widths_{};  ///< empty: nothing was printed
};

/// Names and values below one another; values of several lines are kept on one.
class Fields {
   public:
    void add(std::string name, std::string_view value);
    void print() const;

   private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

/// "812 B", "1.4 MiB".
std::string size_text(std::uint64_t bytes);
/// "2026-11-23 02:07:16", UTC.
std::string time_text(const Timestamp& time);
/// The same of a timestamp's text in JSON; "" for null.
std::string time_text(const ordered_json& time);
/// A JSON string's text; "" for null, compact JSON for the rest.
std::string plain_text(const ordered_json& value);
/// "1 link", "2 links".
std::string count_text(std::uint64_t count, std::string_view singular, std::string_view plural = {});

}  // namespace custody::cli
