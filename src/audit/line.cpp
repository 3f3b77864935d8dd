#include "audit/line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/canonical_json.hpp"
#include "base/canonical_scan.hpp"
#include "base/hex.hpp"

namespace custody::audit {

const std::vector<std::string_view> text_pointers = {
    "/details/caller",   "/details/configuration", "/details/error_message", "/details/file_name",   "/details/imported",
    "/details/metadata", "/details/query",         "/details/reason",        "/details/source_path", "/error_message"};

namespace {

constexpr std::string_view details_prefix = "/details/";
constexpr std::string_view commitment_prefix = "sha256:";

std::string_view pointer_of_detail(std::string_view key) {
    const auto found = std::find_if(text_pointers.begin(), text_pointers.end(), [&](std::string_view pointer) {
        const bool fits = pointer.size() == details_prefix.size() + key.size();  // tells most, at once
        return fits && pointer.ends_with(key) && pointer.starts_with(details_prefix);
    });
    return found == text_pointers.end() ? std::string_view{} : *found;
}

/// Of a length that the compiler knows: without a call.
template <std::size_t Size>
bool is(std::string_view key, const char (&word)[Size]) {
    return key.size() == Size - 1 && std::memcmp(key.data(), word, Size - 1) == 0;
}

class Reader {
   public:
    explicit Reader(std::string_view line) : line_(line), scan_(line) {}

    std::optional<LineView> read() {
        const bool whole = scan_.object([&](std::string_view key) { return member(key); }) && scan_.at_end();
        if (!whole || !has_details_ || view_.seq < 1 || view_.operation.empty() || view_.openings_place == 0) return std::nullopt;
        return std::move(view_);
    }

   private:
    bool member(std::string_view key) {
        // Before the first key that sorts after it. An escape sorts before letters, written or meant, so the raw key will do.
        const char first = key.empty() ? '\0' : key.front();
        if (view_.openings_place == 0 && static_cast<unsigned char>(first) >= 'o' && key > "openings") {
            view_.openings_place = scan_.at() - key.size() - std::string_view("\"\":").size();
        }
        switch (first) {  // tells most keys apart, at once
            case 'a':
                if (is(key, "action")) return scan_.string(view_.action);
                if (is(key, "artifact_id")) return string_or_null(view_.artifact_id);
                break;
            case 'd':
                if (is(key, "details")) return details();
                break;
            case 'e':
                if (is(key, "error_message")) return text(text_pointers.back());
                break;
            case 'o':
                if (is(key, "openings")) return openings();
                if (is(key, "operation")) return scan_.string(view_.operation);
                if (is(key, "outcome")) return scan_.string(view_.outcome);
                break;
            case 'r':
                if (is(key, "run_id")) return string_or_null(view_.run_id);
                break;
            case 's':
                if (is(key, "seq")) return number(view_.seq);
                break;
            case 't':
                if (is(key, "timestamp")) return scan_.string(view_.timestamp);
                break;
            default:
                break;
        }
        return scan_.value();
    }

    bool details() {
        view_.details_begin = scan_.at();
        has_details_ = scan_.object([&](std::string_view key) {
            const auto pointer = pointer_of_detail(key);
            return pointer.empty() ? scan_.value() : text(pointer);
        });
        view_.details_end = scan_.at();
        return has_details_;
    }

    bool text(std::string_view pointer) {
        if (scan_.next() != '"') return scan_.value();
        TextPlace place{pointer, scan_.at(), 0, {}};
        if (!scan_.string(place.raw)) return false;
        place.end = scan_.at();
        view_.texts.push_back(place);
        return true;
    }

    bool openings() {
        view_.openings_begin = scan_.at() - std::string_view("\"openings\":").size();
        const bool good = scan_.object([&](std::string_view pointer) {
            std::string_view salt;
            if (!scan_.string(salt)) return false;
            view_.openings.emplace_back(pointer, salt);
            return true;
        });
        view_.openings_end = scan_.at() + 1;  // "operation" comes after it
        return good && scan_.next() == ',';
    }

    bool string_or_null(std::string_view& target) { return scan_.next() == '"' ? scan_.string(target) : scan_.value(); }

    bool number(std::int64_t& target) {
        const auto begin = scan_.at();
        if (!scan_.value()) return false;
        const auto raw = line_.substr(begin, scan_.at() - begin);
        const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), target);
        return error == std::errc() && end == raw.data() + raw.size();
    }

    std::string_view line_;
    base::CanonicalScan scan_;
    LineView view_;
    bool has_details_ = false;
};

}  // namespace

bool TextPlace::is_commitment() const {
    std::array<std::uint8_t, 32> hash;
    return raw.starts_with(commitment_prefix) && base::from_hex(raw.substr(commitment_prefix.size()), hash);
}

std::optional<LineView> read_line(std::string_view line) { return Reader(line).read(); }

std::string exported_line(std::string_view stored, const LineView& view, const Texts& texts) {
    std::string out;
    std::string openings;
    std::size_t done = 0;
    out.reserve(stored.size() + 512);
    const auto copy_to = [&](std::size_t end) {
        out += stored.substr(done, end - done);
        done = end;
    };
    // Details come before error_message, and both before the place of the openings.
    for (const auto& place : view.texts) {
        const auto text = std::find_if(texts.begin(), texts.end(), [&](const auto& each) { return each.first == place.pointer; });
        if (text == texts.end()) continue;
        copy_to(place.begin);
        base::append_canonical_string(out, text->second.text);
        done = place.end;
        openings += (openings.empty() ? "\"openings\":{\"" : ",\"") + std::string(place.pointer) + "\":\"" +
                    base::to_hex(text->second.salt) + "\"";
    }
    if (openings.empty()) return std::string(stored);
    copy_to(view.openings_place);
    out += openings + "},";
    copy_to(stored.size());
    return out;
}

std::optional<std::string> stored_line(std::string_view exported, const LineView& view) {
    std::string out;
    std::size_t done = 0;
    std::size_t used = 0;
    out.reserve(exported.size());
    const auto copy_to = [&](std::size_t end) {
        out += exported.substr(done, end - done);
        done = end;
    };
    for (const auto& place : view.texts) {
        const auto opening = std::find_if(view.openings.begin(), view.openings.end(),
                                          [&](const auto& each) { return each.first == place.pointer; });
        if (opening == view.openings.end()) continue;
        base::Salt salt;
        if (!base::from_hex(opening->second, salt)) return std::nullopt;
        copy_to(place.begin);
        out += '"' + base::commit_text(salt, base::unescape(place.raw)) + '"';
        done = place.end;
        ++used;
    }
    // An empty member is none that an export writes.
    const bool has_member = view.openings_end != 0;
    if (used != view.openings.size() || (has_member && used == 0)) return std::nullopt;
    if (has_member) {
        copy_to(view.openings_begin);
        done = view.openings_end;
    }
    copy_to(exported.size());
    return out;
}

}  // namespace custody::audit
