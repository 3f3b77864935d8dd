#include "original/lenient_json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <unordered_map>

#include "base/text.hpp"

namespace custody::original {

namespace {

constexpr std::size_t most_levels = 500;
constexpr std::string_view replacement = "\xEF\xBF\xBD";

// Writes strict JSON while it reads; members of the outermost object are kept apart.
class Reader {
   public:
    Reader(std::string_view text, std::size_t at) : text_(text), at_(at) {}

    std::optional<LenientObject> read() {
        skip_space();
        if (!object(&result_.members)) return std::nullopt;
        result_.end = at_;
        return std::move(result_);
    }

   private:
    using Members = std::vector<std::pair<std::string, std::string>>;
    struct Place {
        std::size_t begin, end;  // of a member in `out_`, its comma included
    };
    // Of one object: where the member of each key is, in the order in which the keys came.
    struct Known {
        std::unordered_map<std::string, std::size_t> index{};
        std::vector<Place> places{};
        bool repeats = false;
    };

    [[nodiscard]] char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) return false;
        at_ += word.size();
        return true;
    }
    void skip_space() {
        while (at_ < text_.size() && (next() == ' ' || next() == '\t' || next() == '\n' || next() == '\r')) ++at_;
    }
    void mend(const std::string& what) { result_.mends.push_back((path_.empty() ? "/" : path_) + ": " + what); }

    bool value() {
        skip_space();
        if (next() == '{') return object(nullptr);
        if (next() == '[') return array();
        if (next() == '"') return string(out_);
        for (const std::string_view word : {"true", "false", "null"}) {
            if (take(word)) {
                out_ += word;
                return true;
            }
        }
        for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
            if (!take(word)) continue;
            mend(std::string(word) + " is no JSON: it became null");
            out_ += "null";
            return true;
        }
        return number();
    }

    // The outermost one has its members in `apart`; others have them in the text.
    bool object(Members* apart) {
        if (levels_ == most_levels || !take("{")) return false;
        ++levels_;
        Known known;
        if (apart == nullptr) out_ += '{';
        const auto members_at = out_.size();
        skip_space();
        for (bool first = true; !take("}"); first = false) {
            if (!first && !take(",")) return false;
            skip_space();
            std::string name;
            if (!string(name)) return false;
            skip_space();
            if (!take(":")) return false;
            const auto outer = path_.size();
            path_.append("/").append(name, 1, name.size() - 2);
            const auto begin = out_.size();
            if (apart == nullptr) out_ += name + ":";
            if (!value()) return false;
            keep(std::move(name), begin, apart, known);
            path_.resize(outer);
            skip_space();
        }
        if (apart == nullptr) {
            if (known.repeats) drop_repeated(known.places, members_at);
            if (out_.back() == ',') out_.pop_back();
            out_ += '}';
        }
        --levels_;
        return true;
    }

    // Of a key that comes twice Python keeps the last value, in the place of the first.
    void keep(std::string&& name, std::size_t begin, Members* apart, Known& known) {
        if (apart == nullptr) out_ += ',';
        const auto [found, is_new] = known.index.try_emplace(std::move(name), known.index.size());
        const auto at = found->second;
        if (!is_new) {
            mend("the key came twice; its last value counts");
            known.repeats = true;
        }
        if (apart == nullptr) {
            known.places.resize(known.index.size());
            known.places[at] = {begin, out_.size()};
            return;
        }
        if (is_new) apart->emplace_back(json::parse(found->first).get<std::string>(), std::string());
        (*apart)[at].second = out_.substr(begin);
        out_.resize(begin);
    }

    // Writes the members anew that begin there, each once.
    void drop_repeated(const std::vector<Place>& places, std::size_t begin) {
        std::string kept;
        for (const auto& place : places) kept.append(out_, place.begin, place.end - place.begin);
        out_.replace(begin, std::string::npos, kept);
    }

    bool array() {
        if (levels_ == most_levels) return false;
        ++levels_;
        ++at_;
        out_ += '[';
        skip_space();
        for (std::size_t index = 0; !take("]"); ++index) {
            if (index != 0) {
                if (!take(",")) return false;
                out_ += ',';
            }
            const auto outer = path_.size();
            path_.append("/").append(std::to_string(index));
            if (!value()) return false;
            path_.resize(outer);
            skip_space();
        }
        out_ += ']';
        --levels_;
        return true;
    }

    bool number() {
        const auto begin = at_;
        const auto digits = [&] {
            const auto from = at_;
            while (next() >= '0' && next() <= '9') ++at_;
            return at_ != from;
        };
        take("-");
        const bool zero = next() == '0';
        const auto whole = at_;
        if (!digits() || (zero && at_ != whole + 1)) return false;
        if (take(".") && !digits()) return false;
        if (next() == 'e' || next() == 'E') {
            ++at_;
            if (next() == '+' || next() == '-') ++at_;
            if (!digits()) return false;
        }
        const std::string token(text_.substr(begin, at_ - begin));
        if (std::isfinite(std::strtod(token.c_str(), nullptr))) {
            out_ += token;
        } else {
            mend("a number that no double can hold became null");
            out_ += "null";
        }
        return true;
    }

    // Decoded, and written anew with what must be escaped alone; quotes included.
    bool string(std::string& out) {
        if (!take("\"")) return false;
        std::string plain;
        while (at_ < text_.size() && next() != '"') {
            if (next() == '\\') {
                if (!escape(plain)) return false;
            } else {
                character(plain);
            }
        }
        if (!take("\"")) return false;
        out += json(plain).dump();
        return true;
    }

    void character(std::string& plain) {
        const auto length = base::utf8_length(text_, at_);
        if (length == 0 || next() == '\0') {
            mend_character(plain, "a byte that is no UTF-8, or NUL,");
            ++at_;
            return;
        }
        plain += text_.substr(at_, length);
        at_ += length;
    }

    void mend_character(std::string& plain, const char* what) {
        mend(std::string(what) + " became U+FFFD");
        plain += replacement;
    }

    bool escape(std::string& plain) {
        static constexpr std::string_view short_forms = "\"\\/bfnrt";
        static constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
        ++at_;
        if (const auto found = short_forms.find(next()); next() != '\0' && found != std::string_view::npos) {
            plain += meanings[found];
            ++at_;
            return true;
        }
        const auto unit = code_unit();
        if (!unit) return false;
        if (*unit == 0) {
            mend_character(plain, "NUL");
        } else if (*unit < 0xD800U || *unit > 0xDFFFU) {
            put_utf8(plain, *unit);
        } else {
            const auto here = at_;
            const auto low = *unit < 0xDC00U && next() == '\\' ? (++at_, code_unit()) : std::nullopt;
            if (low && *low >= 0xDC00U && *low <= 0xDFFFU) {
                put_utf8(plain, 0x10000U + ((*unit - 0xD800U) << 10U) + (*low - 0xDC00U));
            } else {
                at_ = here;
                mend_character(plain, "half a surrogate pair");
            }
        }
        return true;
    }

    std::optional<std::uint32_t> code_unit() {
        if (!take("u") || at_ + 4 > text_.size()) return std::nullopt;
        std::uint32_t unit = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const char c = next();
            const int digit = c >= '0' && c <= '9'   ? c - '0'
                              : c >= 'a' && c <= 'f' ? c - 'a' + 10
                              : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                     : -1;
            if (digit < 0) return std::nullopt;
            unit = unit * 16 + static_cast<std::uint32_t>(digit);
        }
        return unit;
    }

    static void put_utf8(std::string& out, std::uint32_t code) {
        const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
        if (code < 0x80U) return put(code);
        if (code < 0x800U) {
            put(0xC0U | (code >> 6U));
        } else {
            if (code < 0x10000U) {
                put(0xE0U | (code >> 12U));
            } else {
                put(0xF0U | (code >> 18U));
                put(0x80U | ((code >> 12U) & 0x3FU));
            }
            put(0x80U | ((code >> 6U) & 0x3FU));
        }
        put(0x80U | (code & 0x3FU));
    }

    std::string_view text_;
    std::size_t at_;
    std::size_t levels_ = 0;
    std::string path_{};
    std::string out_{};
    LenientObject result_{};
};

}  // namespace

const std::string* LenientObject::find(std::string_view key) const {
    const auto found = std::find_if(members.begin(), members.end(), [&](const auto& member) { return member.first == key; });
    return found == members.end() ? nullptr : &found->second;
}

json LenientObject::value(std::string_view key) const {
    const auto* text = find(key);
    return text == nullptr ? json(nullptr) : json::parse(*text);
}

std::optional<std::string> LenientObject::text(std::string_view key) const {
    const auto found = value(key);
    return found.is_string() ? std::optional(found.get<std::string>()) : std::nullopt;
}

std::optional<LenientObject> read_lenient(std::string_view text, std::size_t at) { return Reader(text, at).read(); }

}  // namespace custody::original
