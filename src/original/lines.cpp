// The original's audit files: one entry a line, unless a write was interrupted, when half a line has the next entry glued to it.

#include <algorithm>
#include <custody/error.hpp>

#include "base/text.hpp"
#include "original/lenient_json.hpp"
#include "original/tree.hpp"

namespace custody::original {

namespace {

// Of hostile lines: so often is an entry looked for after the first one in a line.
constexpr int most_attempts = 1000;

class LineReader {
   public:
    LineReader(const std::string& path, std::uint64_t number, const Zone& zone, std::vector<Line>& lines, Remarks& remarks)
        : path_(path), number_(number), zone_(zone), lines_(lines), remarks_(remarks) {}

    void read(std::string_view text) {
        for (std::size_t at = 0; (at = text.find_first_not_of(" \t\r", at)) != std::string_view::npos;) {
            if (auto object = read_entry(text, at)) {
                add_entry(text.substr(at, object->end - at), *object);
                at = object->end;
                continue;
            }
            const auto next = find_entry(text, at + 1);
            add_rest(text.substr(at, next - at));
            at = next;
        }
        if (entries_ > 1) remark(ImportRemark::Kind::mended, "entries without a line feed between them were taken apart");
    }

   private:
    void remark(ImportRemark::Kind kind, const std::string& message, const std::string& subject = {}) {
        remarks_.push_back({kind, path_, number_, subject, message});
    }

    // An object that is an entry: what is none is a part of one that was cut off.
    static std::optional<LenientObject> read_entry(std::string_view text, std::size_t at) {
        auto object = read_lenient(text, at);
        if (!object || !object->text("operation") || !object->text("timestamp")) return std::nullopt;
        return object;
    }

    std::size_t find_entry(std::string_view text, std::size_t from) {
        for (int attempt = 0; attempt < most_attempts; ++attempt) {
            const auto found = text.find("{\"", from);
            if (found == std::string_view::npos) break;
            if (read_entry(text, found)) return found;
            from = found + 1;
        }
        return text.size();
    }

    Line& add(std::string_view text, bool whole) {
        if (!base::is_clean_utf8(text)) remark(ImportRemark::Kind::mended, "bytes that are no UTF-8, or NUL, became U+FFFD");
        return lines_.emplace_back(
            Line{.path = path_, .line = number_, .part = ++parts_, .text = base::to_clean_utf8(text), .whole = whole});
    }

    void add_rest(std::string_view text) {
        add(text, false);
        remark(ImportRemark::Kind::left_out,
               std::to_string(text.size()) + " bytes are no entry, or a part of one; the trail keeps them as they are");
    }

    void add_entry(std::string_view text, const LenientObject& object) {
        ++entries_;
        auto& line = add(text, true);
        for (const auto& what : object.mends) remark(ImportRemark::Kind::mended, what);
        line.entry_id = object.text("entry_id").value_or("");
        line.operation = *object.text("operation");
        line.action = object.text("action").value_or("");
        line.user = object.text("user").value_or("");
        line.module = object.text("module").value_or("");
        line.error_message = object.text("error_message").value_or("");
        line.details = object.value("details");
        if (!line.details.is_object()) line.details = json::object();
        const auto success = object.value("success");
        line.success = !success.is_boolean() || success.get<bool>();
        if (const auto id = object.text("artifact_id"); id && !id->empty()) line.artifact_id = artifact_id_of(*id);
        read_run(line, object);
        read_entry_time(line, *object.text("timestamp"));
    }

    void read_run(Line& line, const LenientObject& object) const {
        auto id = object.text("run_id");
        if (!id && line.details.contains("run_id") && line.details["run_id"].is_string())
            id = line.details["run_id"].get<std::string>();
        if (id && !id->empty()) line.run_id = run_id_of(*id);
    }

    void read_entry_time(Line& line, const std::string& text) {
        try {
            const auto moment = read_time(text, zone_);
            line.time = moment.time;
            if (moment.kind == Zone::Moment::Kind::skipped) {
                remark(ImportRemark::Kind::mended, text + " never was in " + zone_.name() + ", since clocks went ahead");
            }
        } catch (const InvalidArgument&) {
            remark(ImportRemark::Kind::mended, "its timestamp is no time; it came over without one");
        }
    }

    const std::string& path_;
    std::uint64_t number_;
    const Zone& zone_;
    std::vector<Line>& lines_;
    Remarks& remarks_;
    std::uint64_t parts_ = 0;
    std::uint64_t entries_ = 0;
};

}  // namespace

void read_lines(const std::string& path, std::string_view text, const Zone& zone, std::vector<Line>& lines, Remarks& remarks) {
    std::uint64_t number = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        LineReader(path, ++number, zone, lines, remarks).read(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

}  // namespace custody::original
