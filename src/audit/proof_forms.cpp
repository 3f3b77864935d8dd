#include "audit/proof_forms.hpp"

#include <algorithm>
#include <initializer_list>

#include <custody/error.hpp>

#include "base/base64.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"

namespace custody::audit {

namespace {

constexpr int form_version = 1;
constexpr std::uint64_t largest_size = std::uint64_t{1} << 53U;

ordered_json or_null(const std::optional<std::string>& text) { return text ? ordered_json(*text) : ordered_json(nullptr); }

std::optional<json> parse_object(std::string_view text, std::initializer_list<const char*> members) {
    try {
        auto object = base::parse_strict_object(std::string(text), {largest_proof_bytes, 8}, "proof");
        if (object.size() != members.size()) return std::nullopt;
        for (const char* member : members) {
            if (!object.contains(member)) return std::nullopt;
        }
        return object;
    } catch (const Error&) {
        return std::nullopt;
    }
}

bool has_members(const json& object, std::initializer_list<const char*> members) {
    return object.is_object() && object.size() == members.size() &&
           std::all_of(members.begin(), members.end(), [&](const char* member) { return object.contains(member); });
}

// Reads members one after another; once one is not of its kind, everything after it is refused too.
class Reader {
   public:
    explicit Reader(const json& object) : object_(object) {}
    [[nodiscard]] bool good() const { return good_; }

    std::uint64_t number(const char* name) {
        const auto& value = object_.at(name);
        if (!value.is_number_unsigned() || value.get<std::uint64_t>() > largest_size) return refuse<std::uint64_t>();
        return value.get<std::uint64_t>();
    }
    std::string text(const char* name) {
        const auto& value = object_.at(name);
        return value.is_string() ? value.get<std::string>() : refuse<std::string>();
    }
    std::optional<std::string> text_or_null(const char* name) {
        return object_.at(name).is_null() ? std::nullopt : std::optional(text(name));
    }
    std::vector<std::string> texts(const char* name) {
        const auto& value = object_.at(name);
        if (!value.is_array()) return refuse<std::vector<std::string>>();
        std::vector<std::string> texts;
        for (const auto& each : value) texts.push_back(each.is_string() ? each.get<std::string>() : refuse<std::string>());
        return texts;
    }
    template <class Decode>
    std::vector<Digest> hashes(const char* name, Decode&& decode) {
        std::vector<Digest> hashes;
        for (const auto& text : texts(name)) {
            const auto hash = decode(text);
            if (!hash) return refuse<std::vector<Digest>>();
            hashes.push_back(*hash);
        }
        return hashes;
    }

   private:
    template <class T>
    T refuse() {
        good_ = false;
        return {};
    }
    const json& object_;
    bool good_ = true;
};

std::optional<Digest> from_hex(const std::string& text) {
    Digest::Bytes bytes;
    return base::from_hex(text, bytes) ? std::optional(Digest(bytes)) : std::nullopt;
}

std::optional<Digest> from_base64(const std::string& text) {
    const auto bytes = base::from_base64(text);
    Digest::Bytes hash;
    if (!bytes || bytes->size() != hash.size()) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), hash.begin());
    return Digest(hash);
}

bool is_month(const std::string& text) {
    if (text.size() != 7 || text[4] != '-') return false;
    for (const std::size_t at : {0U, 1U, 2U, 3U, 5U, 6U}) {
        if (text[at] < '0' || text[at] > '9') return false;
    }
    const int month = (text[5] - '0') * 10 + text[6] - '0';
    return month >= 1 && month <= 12;
}

}  // namespace

std::string MonthProof::str() const {
    ordered_json frontier = ordered_json::array();
    for (const auto& hash : start.hashes()) frontier.push_back(hash.hex());
    const ordered_json form = {{"version", form_version},
                               {"month", month},
                               {"first_seq", first_seq},
                               {"last_seq", last_seq},
                               {"start", {{"size", start.size()}, {"frontier", frontier}, {"checkpoint", or_null(start_note)}}},
                               {"end", {{"size", last_seq}, {"root", root.hex()}, {"checkpoint", or_null(end_note)}}},
                               {"keys", keys}};
    return form.dump(2) + "\n";
}

std::optional<MonthProof> MonthProof::parse(std::string_view text) {
    const auto form = parse_object(text, {"version", "month", "first_seq", "last_seq", "start", "end", "keys"});
    if (!form || form->at("version") != form_version || !has_members(form->at("start"), {"size", "frontier", "checkpoint"}) ||
        !has_members(form->at("end"), {"size", "root", "checkpoint"})) {
        return std::nullopt;
    }
    Reader whole(*form);
    Reader start(form->at("start"));
    Reader end(form->at("end"));
    const auto root = from_hex(end.text("root"));
    const auto end_size = end.number("size");
    auto frontier = Frontier::of(start.number("size"), start.hashes("frontier", from_hex));
    if (!root || !frontier) return std::nullopt;
    MonthProof proof{whole.text("month"),
                     whole.number("first_seq"),
                     whole.number("last_seq"),
                     std::move(*frontier),
                     start.text_or_null("checkpoint"),
                     *root,
                     end.text_or_null("checkpoint"),
                     whole.texts("keys")};
    const bool fits =
        proof.first_seq == proof.start.size() + 1 && proof.last_seq + 1 >= proof.first_seq && end_size == proof.last_seq;
    if (!whole.good() || !start.good() || !end.good() || !is_month(proof.month) || !fits) return std::nullopt;
    return proof;
}

std::string EntryProof::str() const {
    ordered_json hashes = ordered_json::array();
    for (const auto& hash : path) hashes.push_back(base::to_base64(hash.bytes()));
    const ordered_json form = {
        {"version", form_version},     {"line", line}, {"leaf_index", leaf_index}, {"tree_size", tree_size}, {"path", hashes},
        {"checkpoint", or_null(note)}, {"keys", keys}};
    return form.dump() + "\n";
}

std::optional<EntryProof> EntryProof::parse(std::string_view text) {
    const auto form = parse_object(text, {"version", "line", "leaf_index", "tree_size", "path", "checkpoint", "keys"});
    if (!form || form->at("version") != form_version) return std::nullopt;
    Reader reader(*form);
    EntryProof proof{reader.text("line"),
                     reader.number("leaf_index"),
                     reader.number("tree_size"),
                     reader.hashes("path", from_base64),
                     reader.text_or_null("checkpoint"),
                     reader.texts("keys")};
    return reader.good() ? std::optional(std::move(proof)) : std::nullopt;
}

}  // namespace custody::audit
