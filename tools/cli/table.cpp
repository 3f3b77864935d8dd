#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "output.hpp"
#include "unicode.hpp"

namespace custody::cli {

namespace {

constexpr std::string_view gap = "  ";

/// Columns of the terminal that stdout is; 0: no terminal.
std::size_t terminal_width() {
    winsize size{};
    if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
    return size.ws_col;
}

std::string padded(const std::string& cell, std::size_t width, Table::Align align, Style style) {
    const std::string space(width - std::min(width, columns(cell)), ' ');
    const auto text = styled(cell, style);
    return align == Table::Align::right ? space + text : text + space;
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    for (auto& cell : cells) cell = printable(cell);
    rows_.push_back(std::move(cells));
}

void Table::print() {
    const bool is_first = widths_.empty();
    widths_.resize(columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (is_first) widths_[i] = columns(columns_[i].title);
        for (const auto& row : rows_) widths_[i] = std::max(widths_[i], columns(row[i]));
    }
    const auto limit = terminal_width();
    const auto print_row = [&](const std::vector<std::string>& cells, bool heading) {
        std::string line;
        std::size_t used = 0;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const auto style = heading ? Style::heading : style_of(cells[i]);
            if (i + 1 < cells.size()) {
                line += padded(cells[i], widths_[i], columns_[i].align, style);
                line += gap;
                used += widths_[i] + gap.size();
                continue;
            }
            auto last = columns_[i].align == Align::right ? padded(cells[i], widths_[i], Align::right, Style::plain) : cells[i];
            if (limit > used + 8) last = fit(last, limit - used);
            line += styled(last, style);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        put_line(line);
    };
    std::vector<std::string> titles;
    for (const auto& column : columns_) titles.push_back(column.title);
    if (is_first) print_row(titles, true);
    for (const auto& row : rows_) print_row(row, false);
    rows_.clear();
}

void Fields::add(std::string name, std::string_view value) { fields_.emplace_back(std::move(name), printable(value)); }

void Fields::print() const {
    std::size_t widest = 0;
    for (const auto& [name, value] : fields_) widest = std::max(widest, name.size());
    for (const auto& [name, value] : fields_) {
        const std::string space(widest - name.size() + gap.size(), ' ');
        put_line(value.empty() ? styled(name, Style::heading)
                               : styled(name, Style::heading) + space + styled(value, style_of(value)));
    }
}

}  // namespace custody::cli
