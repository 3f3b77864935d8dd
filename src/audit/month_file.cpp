#include "audit/month_file.hpp"

#include <custody/error.hpp>

#include "audit/text_reader.hpp"
#include "audit/tree.hpp"
#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

std::string file_name(const std::string& month, const char* ending) {
    return "audit_" + month.substr(0, 4) + month.substr(5, 2) + ending;
}

// Hands over the line with its texts back in place; one that is damaged as it is, for verification to tell of.
template <class Use>
void export_line(TextReader& texts, std::int64_t seq, std::string_view line, Use&& use) {
    auto found = texts.take(seq, line);
    if (found.empty()) return use(line);
    const auto view = read_line(line);
    if (!view) return use(line);
    Texts at;
    for (auto& each : found) {
        for (const auto pointer : text_pointers) {
            if (pointer == each.pointer) at.emplace_back(pointer, std::move(each.text));
        }
    }
    // A commitment may have replaced no text: a create that was repeated names the first artifact, whose texts are not its own.
    std::erase_if(at, [&](const auto& text) {
        for (const auto& place : view->texts) {
            if (place.pointer == text.first) return !place.is_commitment();
        }
        return true;
    });
    use(std::string_view(exported_line(line, *view, at)));
}

}  // namespace

std::string lines_file_name(const std::string& month) { return file_name(month, ".jsonl"); }
std::string proof_file_name(const std::string& month) { return file_name(month, ".proof.json"); }

void append_lines(sqlite::Connection& connection, std::int64_t first_seq, std::int64_t last_seq, const Append& append,
                  const std::function<void(std::uint64_t)>& progress) {
    TextReader texts(connection, first_seq);
    sqlite::Query rows(connection, "SELECT seq, line FROM audit_entries WHERE seq BETWEEN ? AND ? ORDER BY seq", first_seq,
                       last_seq);
    std::uint64_t count = 0;
    while (rows.step()) {
        export_line(texts, rows.integer(0), rows.peek(1), append);
        append("\n");
        if (++count % 1024 == 0 && progress) progress(count);
    }
    if (count != static_cast<std::uint64_t>(last_seq + 1 - first_seq)) throw Corruption("entries of the audit trail are missing");
}

MonthProof prove_month(sqlite::Connection& connection, const TrailName& trail, const Month& month) {
    Tree tree(connection);
    MonthProof proof{.month = month.name,
                     .first_seq = static_cast<std::uint64_t>(month.first_seq),
                     .last_seq = static_cast<std::uint64_t>(month.last_seq),
                     .start = tree.frontier_at(static_cast<std::uint64_t>(month.first_seq) - 1),
                     .start_note = {},
                     .root = tree.frontier_at(static_cast<std::uint64_t>(month.last_seq)).root(),
                     .end_note = {},
                     .keys = {}};
    proof.start_note = stored_note(connection, trail, proof.start.size());
    proof.end_note = stored_note(connection, trail, proof.last_seq);
    for (const auto& key : list_keys(connection)) proof.keys.push_back(key.verifier_key);
    return proof;
}

EntryProof prove_entry(sqlite::Connection& connection, std::int64_t seq, std::uint64_t size,
                       const std::optional<std::string>& note) {
    const auto entry = entry_at(connection, seq);
    TextReader texts(connection, seq);
    Tree tree(connection);
    EntryProof proof{.line = {},
                     .leaf_index = static_cast<std::uint64_t>(seq) - 1,
                     .tree_size = size,
                     .path = tree.inclusion_path(static_cast<std::uint64_t>(seq) - 1, size),
                     .note = note,
                     .keys = {}};
    export_line(texts, seq, entry.line, [&](std::string_view line) { proof.line = line; });
    for (const auto& key : list_keys(connection)) proof.keys.push_back(key.verifier_key);
    return proof;
}

bool any_withdrawn(sqlite::Connection& connection, std::int64_t first_seq, std::int64_t last_seq) {
    sqlite::Query query(connection,
                        "SELECT 1 FROM audit_entries WHERE operation = 'audit_trail' AND action = 'redact' AND outcome = 'done' "
                        "AND json_extract(line, '$.details.redacted_seq') BETWEEN ? AND ? LIMIT 1",
                        first_seq, last_seq);
    return query.step();
}

}  // namespace custody::audit
