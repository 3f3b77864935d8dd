// Lines of a month file or of the table, which whoever holds the file may have changed.
#include "audit/line.hpp"

#include <algorithm>
#include <custody/json.hpp>

#include "audit/line_block.hpp"
#include "base/canonical_scan.hpp"
#include "base/hex.hpp"
#include "property.hpp"

using namespace custody;
using namespace custody::audit;

namespace {

// The reader, which builds nothing, against the parser.
void check_view(std::string_view line, const LineView& view) {
    require(base::is_canonical_json(line), "a line that is read is canonical JSON");
    const auto entry = json::parse(line.begin(), line.end());
    require(entry.at("seq") == view.seq && entry.at("operation") == base::unescape(view.operation), "members are the parser's");
    for (const auto& place : view.texts) {
        const auto& text = entry.at(json::json_pointer(std::string(place.pointer)));
        require(text == base::unescape(place.raw), "texts are the parser's");
    }
}

Texts texts_of(const LineView& view) {
    Texts texts;
    for (const auto& place : view.texts) {
        for (const auto& [pointer, hex] : view.openings) {
            if (pointer != place.pointer) continue;
            texts.emplace_back(place.pointer, Text{{}, base::unescape(place.raw)});
            require(base::from_hex(hex, texts.back().second.salt), "a salt of a line that has a stored form is one");
        }
    }
    return texts;
}

// Into the stored form and out again, or out of it and in again.
void check_forms(std::string_view line, const LineView& view, LineBlock& stored, LineBlock& exported) {
    const auto form = stored_line(line, view);
    if (!form) return;
    const auto form_view = read_line(*form);
    require(form_view && form_view->openings_end == 0, "the stored form is a line without openings");
    const auto texts = texts_of(view);
    require(exported_line(*form, *form_view, texts) == line, "exporting the stored form gives the line again");
    for (const auto& [pointer, text] : texts) stored.openings.push_back({stored.size(), std::string(pointer), text, false});
    stored.add(*form);
    exported.add(line);
    if (!texts.empty()) return;
    Texts all;
    for (const auto& place : view.texts) all.emplace_back(place.pointer, Text{{1}, std::string(place.raw)});
    const auto shown = exported_line(line, view, all);
    const auto shown_view = read_line(shown);
    require(shown_view.has_value(), "an exported line is one");
    require(all.empty() || stored_line(shown, *shown_view) != line, "a text that is none's commitment gives another line");
}

void check_block(const LineBlock& block) {
    require(block.leaves.size() == block.size() && block.months.size() == block.size(), "a block has a leaf and a month a line");
    for (const auto& complaint : block.complaints) {
        require(complaint.seq >= block.first_seq && complaint.seq < block.first_seq + block.size(),
                "complaints are of its lines");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    LineBlock raw, stored, exported;
    raw.exported = size % 2 != 0;
    exported.exported = true;
    for (auto rest = text_of(data, size); !rest.empty() && !raw.full();) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        // A text that the database has for it, whether the line has a commitment for it or not.
        raw.openings.push_back({raw.size(), "/details/reason", Text{}, raw.size() % 2 != 0});
        raw.add(line);
        if (const auto view = read_line(line)) {
            check_view(line, *view);
            check_forms(line, *view, stored, exported);
        }
    }
    for (auto* block : {&raw, &stored, &exported}) {
        block->work();
        check_block(*block);
    }
    require(stored.leaves == exported.leaves, "lines and their stored forms have the same leaves");
    for (const auto& complaint : stored.complaints) require(complaint.kind != "text_altered", "texts fit what was made of them");
    return 0;
}
