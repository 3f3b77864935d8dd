// Names that come from outside: of files, types, ids, times and statuses, and what is made of them for a file system or a table.
#include <custody/error.hpp>
#include <custody/ids.hpp>
#include <custody/time.hpp>
#include <custody/types.hpp>
#include <optional>
#include <string>

#include "base/text.hpp"
#include "blobs/trash_name.hpp"
#include "property.hpp"

using namespace custody;

namespace {

void check_file_name(std::string_view name, std::size_t most) {
    const auto safe = base::safe_file_name(name, most);
    require(!safe.empty() && safe.size() <= most, "a file name has a size");
    require(base::is_clean_utf8(safe), "a file name is text");
    require(safe.find_first_of("/\\\n\r\t \"'$`*?<>|:;&") == std::string::npos,
            "a file name means nothing to a shell or a folder");
    require(safe.front() != '.' && safe.front() != '-', "a file name is neither hidden nor an option");
    require(base::safe_file_name(safe, most) == safe, "a safe name stays as it is");
}

void check_text(std::string_view text) {
    const auto clean = base::to_clean_utf8(text);
    require(base::is_clean_utf8(clean), "what is made clean is");
    require((clean == text) == base::is_clean_utf8(text), "what is clean stays as it is");
    const auto cell = base::csv_cell(clean);
    require(cell.find_first_of("=+-@\t\r") != 0, "no cell is a formula");
    // RFC 4180, the other way round.
    std::string read = cell;
    if (cell.starts_with('"')) {
        read.clear();
        for (std::size_t at = 1; at + 1 < cell.size(); ++at) {
            read += cell[at];
            if (cell[at] == '"') require(cell[++at] == '"', "a quote within a cell is doubled");
        }
    }
    if (read.size() == clean.size() + 1 && read.front() == '\'') read.erase(0, 1);
    require(read == clean, "a cell is read as it was written");
}

template <class Read>
auto read(Read&& read) -> std::optional<decltype(read())> {
    try {
        return read();
    } catch (const InvalidArgument&) {
        return std::nullopt;
    }
}

void check_values(std::string_view text) {
    const auto type = read([&] { return ArtifactType(text); });
    require(type.has_value() == base::is_identifier(text), "a type's name is an identifier");
    require(!type || type->name() == text, "a type has its name");
    const auto id = ArtifactId::try_parse(text);
    require(id == read([&] { return ArtifactId::parse(text); }), "an id is read by either function");
    require(!id || ArtifactId::parse(id->str()) == *id, "an id comes back");
    const auto digest = read([&] { return Digest::parse(text); });
    require(!digest || digest->hex() == text, "a digest has one text");
    const auto time = read([&] { return Timestamp::parse(text); });
    require(!time || Timestamp::parse(time->str()) == *time, "a time comes back");
    require(!time || time->str().size() == std::string_view("2026-11-23T02:07:16.146392+00:00").size(), "times sort as texts");
    const auto status = read([&] { return parse_status(text); });
    require(!status || to_string(*status) == text, "a status has one name");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = text_of(data, size);
    check_file_name(text, 120);
    if (size > 0) check_file_name(text.substr(1), 8 + data[0] % 64);
    check_text(text);
    check_values(text);
    if (base::is_clean_utf8(text) && text.find('/') == std::string_view::npos) {
        require(blobs::removed_at_seconds(blobs::trash_name(text)).has_value(), "a name in the trash says when it got there");
    }
    (void)blobs::removed_at_seconds(text);
    return 0;
}
