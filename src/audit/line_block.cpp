#include "audit/line_block.hpp"

#include <algorithm>

#include "audit/tree.hpp"
#include "base/canonical_scan.hpp"

namespace custody::audit {

bool LineBlock::full() const { return size() > 0 && (first_seq - 1 + size()) % tile_width == 0; }

void LineBlock::complain(std::size_t index, const char* kind, std::string message) {
    complaints.push_back({first_seq + index, kind, std::move(message)});
}

void LineBlock::work() {
    leaves.reserve(size());
    std::size_t opening = 0;
    for (std::size_t index = 0; index < size(); ++index) {
        const auto text = line(index);
        const auto view = read_line(text);
        months.push_back(view ? std::string(view->timestamp.substr(0, 7)) : std::string());
        if (!view) {
            complain(index, "entry_altered", "the line is not the canonical JSON of an entry");
            leaves.push_back(leaf_hash(text));
            while (opening < openings.size() && openings[opening].line == index) ++opening;
            continue;
        }
        if (static_cast<std::uint64_t>(view->seq) != first_seq + index) {
            complain(index, "entry_altered", "the line says that it is entry " + std::to_string(view->seq));
        }
        if (view->operation == "audit_trail") of_the_trail.push_back(index);
        if (exported && view->openings_end != 0) {
            const auto stored = stored_line(text, *view);
            if (!stored) complain(index, "entry_altered", "an opening of the line is malformed");
            leaves.push_back(leaf_hash(stored ? *stored : text));
        } else {
            leaves.push_back(leaf_hash(text));
        }
        if (wanted != nullptr && wanted(text, *view)) read.emplace_back(index, json::parse(text));
        if (!exported) work_stored(index, *view, opening);
    }
    if (full() && size() == tile_width) tile = fold(leaves);
}

// A stored line against the texts that the database has for it.
void LineBlock::work_stored(std::size_t index, const LineView& view, std::size_t& opening) {
    if (view.openings_end != 0) complain(index, "entry_altered", "the line has a member that only exports have");
    std::vector<std::string_view> opened;
    for (; opening < openings.size() && openings[opening].line == index; ++opening) {
        const auto& [line, pointer, text, kept_in_row] = openings[opening];
        const auto place = std::find_if(view.texts.begin(), view.texts.end(),
                                        [&, &at = pointer](const TextPlace& each) { return each.pointer == at; });
        if (place == view.texts.end()) {
            if (!kept_in_row) complain(index, "text_altered", "a text at " + pointer + " belongs to no commitment of the entry");
            continue;
        }
        if (std::find(opened.begin(), opened.end(), place->pointer) != opened.end()) {
            complain(index, "text_altered", "the text at " + pointer + " is there twice");
        }
        opened.push_back(place->pointer);
        if (place->raw != base::commit_text(text.salt, text.text)) {
            complain(index, "text_altered", "the text at " + pointer + " is not the one that the entry commits to");
        }
    }
    for (const auto& place : view.texts) {
        if (!place.is_commitment()) {
            complain(index, "entry_altered", "the entry has a text in clear at " + std::string(place.pointer));
        } else if (std::find(opened.begin(), opened.end(), place.pointer) == opened.end()) {
            unopened.emplace_back(first_seq + index, place.pointer);
        }
    }
}

}  // namespace custody::audit
