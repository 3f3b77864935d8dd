#include "audit/text_reader.hpp"

#include <algorithm>
#include <cstring>

#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

std::optional<Text> text_of(const sqlite::Query& query, int salt_column) {
    const auto salt = query.peek(salt_column);
    Text text;
    if (salt.size() != text.salt.size() || query.is_null(salt_column + 1)) return std::nullopt;
    std::copy(salt.begin(), salt.end(), text.salt.begin());
    text.text = query.text(salt_column + 1);
    return text;
}

// memmem looks at many bytes at once; find() stops at every quote, of which a line is full.
std::size_t place_of(std::string_view line, std::string_view part) {
    const void* found = ::memmem(line.data(), line.size(), part.data(), part.size());
    return found == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(found) - line.data());
}

// The value of a member whose key is not that of an earlier one, of a line that may be damaged.
std::string_view member(std::string_view line, std::string_view key) {
    const auto at = place_of(line, key);
    if (at == std::string_view::npos) return {};
    const auto begin = at + key.size();
    const auto end = line.find('"', begin);
    return end == std::string_view::npos ? std::string_view{} : line.substr(begin, end - begin);
}

bool has(std::string_view line, std::string_view part) { return place_of(line, part) != std::string_view::npos; }

}  // namespace

/// Rows of one table by key: id, then a salt and its text for each pointer.
class TextReader::Rows {
   public:
    Rows(sqlite::Connection& connection, std::string_view by_id, std::string_view from_key, std::vector<std::string> pointers)
        : connection_(connection), by_id_(by_id), from_key_(from_key), pointers_(std::move(pointers)) {}

    void take(std::string_view id, std::vector<Found>& found) {
        if (!cursor_ || id_ != id) {
            sqlite::Query lookup(connection_, by_id_, id);
            if (!lookup.step()) return;
            const auto key = lookup.integer(0);
            if (cursor_ && key < key_) return use(lookup, found);  // a create that was repeated by its request key
            cursor_ = std::make_unique<sqlite::Query>(connection_, from_key_, key);
            if (!step()) return;
        }
        use(*cursor_, found);
        step();
    }

   private:
    bool step() {
        if (!cursor_->step()) {
            cursor_.reset();
            return false;
        }
        key_ = cursor_->integer(0);
        id_ = cursor_->text(1);
        return true;
    }
    void use(const sqlite::Query& row, std::vector<Found>& found) const {
        int column = 2;
        for (const auto& pointer : pointers_) {
            if (auto text = text_of(row, column)) found.push_back({pointer, std::move(*text), true});
            column += 2;
        }
    }

    sqlite::Connection& connection_;
    std::string_view by_id_, from_key_;
    std::vector<std::string> pointers_;
    std::unique_ptr<sqlite::Query> cursor_{};
    std::int64_t key_ = 0;
    std::string id_{};
};

TextReader::TextReader(sqlite::Connection& connection, std::int64_t first_seq)
    : connection_(connection),
      openings_(std::make_unique<sqlite::Query>(
          connection, "SELECT seq, pointer, salt, text FROM audit_openings WHERE seq >= ? ORDER BY seq, pointer", first_seq)),
      artifacts_(std::make_unique<Rows>(
          connection,
          "SELECT artifact_key, artifact_id, metadata_salt, metadata, file_name_salt, file_name FROM artifacts WHERE artifact_id "
          "= ?",
          "SELECT artifact_key, artifact_id, metadata_salt, metadata, file_name_salt, file_name FROM artifacts "
          "WHERE artifact_key >= ? ORDER BY artifact_key",
          std::vector<std::string>{"/details/metadata", "/details/file_name"})),
      runs_(std::make_unique<Rows>(
          connection, "SELECT run_key, run_id, configuration_salt, configuration FROM runs WHERE run_id = ?",
          "SELECT run_key, run_id, configuration_salt, configuration FROM runs WHERE run_key >= ? ORDER BY run_key",
          std::vector<std::string>{"/details/configuration"})),
      more_openings_(openings_->step()) {}

TextReader::~TextReader() = default;

std::vector<TextReader::Found> TextReader::take(std::int64_t seq, std::string_view line) {
    std::vector<Found> found;
    while (more_openings_ && openings_->integer(0) <= seq) {
        if (openings_->integer(0) == seq) {
            // A salt of another size is no salt of ours: kept as it is, it will match nothing.
            auto text = text_of(*openings_, 2).value_or(Text{{}, openings_->text(3)});
            found.push_back({openings_->text(1), std::move(text), false});
        }
        more_openings_ = openings_->step();
    }
    // In canonical order the outcome follows the operation; what a query's filters may add to that finds no place in the line.
    // (The action comes first of all: most lines are told by their first bytes.)
    if (line.starts_with("{\"action\":\"create\",") && has(line, "\"operation\":\"artifact_creation\",\"outcome\":\"done\"")) {
        artifacts_->take(member(line, ",\"artifact_id\":\""), found);
    } else if (line.starts_with("{\"action\":\"start\"") && has(line, "\"operation\":\"processing_run\",\"outcome\":\"done\"")) {
        runs_->take(member(line, ",\"run_id\":\""), found);
    }
    return found;
}

}  // namespace custody::audit
