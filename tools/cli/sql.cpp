#include <fmt/format.h>

#include <iostream>
#include <iterator>
#include <set>

#include "output.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

enum class Format { table, csv, as_json, as_json_lines };

struct SqlFlags {
    std::string query{};
    std::optional<Format> format{};
    std::chrono::milliseconds time_limit{30000};
    std::size_t max_rows = 1000000;  // an answer is held in memory
};

/// RFC 4180, and what a spreadsheet would take for a formula gets an apostrophe. A number is none.
std::string csv_cell(const json& value) {
    if (value.is_null()) return {};
    if (!value.is_string()) return value.dump();
    auto text = value.get<std::string>();
    if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos) text.insert(0, 1, '\'');
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char character : text) {
        if (character == '"') quoted += '"';
        quoted += character;
    }
    return quoted + '"';
}

template <class Cells>
void put_csv_row(const Cells& cells) {
    std::string line;
    for (const auto& cell : cells) line += csv_cell(cell) + ',';
    line.back() = '\r';
    put_line(line);
}

/// Column names as keys: a name that comes again gets a number.
std::vector<std::string> unique_names(const std::vector<std::string>& columns) {
    std::set<std::string> taken(columns.begin(), columns.end());
    std::set<std::string> used;
    std::vector<std::string> names;
    for (const auto& column : columns) {
        auto name = column;
        for (int number = 2; used.count(name) != 0; ++number) {
            name = fmt::format("{}_{}", column, number);
            if (taken.count(name) != 0) name = column;
        }
        used.insert(name);
        names.push_back(name);
    }
    return names;
}

ordered_json object(const std::vector<std::string>& names, const std::vector<json>& row) {
    auto value = ordered_json::object();
    for (std::size_t i = 0; i < names.size(); ++i) value[names[i]] = row[i];
    return value;
}

void print_table(const SqlResult& result) {
    std::vector<Table::Column> columns;
    columns.reserve(result.columns.size());
    for (const auto& name : result.columns) columns.push_back({printable(name)});
    Table table(std::move(columns));
    for (const auto& row : result.rows) {
        std::vector<std::string> cells;
        cells.reserve(row.size());
        for (const auto& cell : row) cells.push_back(cell.is_null() ? "NULL" : plain_text(ordered_json(cell)));
        table.add(std::move(cells));
    }
    table.print();
}

void print(const SqlResult& result, Format format) {
    const auto names = unique_names(result.columns);
    if (format == Format::table) {
        print_table(result);
    } else if (format == Format::csv) {
        put_csv_row(result.columns);
        for (const auto& row : result.rows) put_csv_row(row);
    } else if (format == Format::as_json_lines) {
        for (const auto& row : result.rows) put_line(dump(object(names, row), -1));
    } else {
        JsonArray array;
        for (const auto& row : result.rows) array.add(object(names, row));
        array.end();
    }
}

int sql(const Session& session, const SqlFlags& flags) {
    auto query = flags.query;
    if (query == "-") query.assign(std::istreambuf_iterator<char>(std::cin), {});
    auto manager = session.open();
    const auto result = manager.sql(query, {.time_limit = flags.time_limit, .max_rows = flags.max_rows});
    print(result, flags.format.value_or(session.json_output ? Format::as_json : Format::table));
    if (result.truncated) {
        session.say(fmt::format("cut at {} rows; --max-rows 0 answers all", result.rows.size()));
    }
    return exit_done;
}

}  // namespace

void add_sql_verbs(CLI::App& app, Session& session) {
    auto [verb, flags] = add_verb<SqlFlags>(app, session,
                                            {"sql", "answer one read-only SELECT; the views are named review_…",
                                             "custody sql 'SELECT * FROM review_runs'\n"
                                             "custody sql 'SELECT user, count(*) FROM review_access GROUP BY user' --format csv"},
                                            sql);
    add_text(verb, "QUERY", "", flags.query, "one SELECT; - reads it from stdin")->required();
    add_parsed(verb, "--format", "F", flags.format,
               one_of<Format>(
                   {{"table", Format::table}, {"csv", Format::csv}, {"json", Format::as_json}, {"jsonl", Format::as_json_lines}}),
               "table (unless given), csv, json or jsonl");
    add_parsed(verb, "--time-limit", "S", flags.time_limit, parse_seconds, "give up after so many seconds; 30 unless given");
    add_count(verb, "--max-rows", flags.max_rows, "at most so many rows; 1000000 unless given, 0: all");
}

}  // namespace custody::cli
