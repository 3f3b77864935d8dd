#include "audit/entry_json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "base/canonical_scan.hpp"

namespace custody::audit {

namespace {

constexpr std::array<std::string_view, 16> keys = {"entry_id", "timestamp",    "operation", "artifact_id",   "user", "module",
                                                   "action",   "details",      "success",   "error_message", "seq",  "outcome",
                                                   "run_id",   "on_behalf_of", "purpose",   "agent"};

// More than any entry of ours has; the parser takes what is deeper, without a recursion.
constexpr std::size_t deepest = 64;

using Members = ordered_json::object_t;

// Without a look at the others: that there is none of its name is known.
void add(ordered_json& object, std::string_view key, ordered_json&& value) {
    object.get_ref<Members&>().Members::Container::emplace_back(std::string(key), std::move(value));
}

/// Builds the values of a canonical line. Its keys are sorted, and so are those of what is built.
class Builder {
   public:
    explicit Builder(std::string_view line) : line_(line), scan_(line) {}

    /// nullopt where the line is not canonical.
    std::optional<ordered_json> entry() {
        std::array<ordered_json, keys.size()> members;
        const bool whole = scan_.object([&](std::string_view key) {
            const auto place = std::find(keys.begin(), keys.end(), key);
            if (place == keys.end()) return scan_.value();
            return value(members[static_cast<std::size_t>(place - keys.begin())]);
        });
        if (!whole || !scan_.at_end()) return std::nullopt;
        auto entry = ordered_json::object();
        entry.get_ref<Members&>().reserve(keys.size());
        for (std::size_t i = 0; i < keys.size(); ++i) add(entry, keys[i], std::move(members[i]));
        return entry;
    }

   private:
    bool value(ordered_json& to, std::size_t depth = 1) {
        if (depth > deepest) return false;
        const auto begin = scan_.at();
        switch (scan_.next()) {
            case '"': {
                std::string_view raw;
                if (!scan_.string(raw)) return false;
                to = base::unescape(raw);
                return true;
            }
            case '{':
                to = ordered_json::object();
                to.get_ref<Members&>().reserve(8);
                return scan_.object([&](std::string_view key) {
                    ordered_json member;
                    if (!value(member, depth + 1)) return false;
                    add(to, base::unescape(key), std::move(member));
                    return true;
                });
            case 't':
            case 'f':
                to = scan_.next() == 't';
                return scan_.value();
            case 'n':
                return scan_.value();
            default:
                return scan_.value() && other(line_.substr(begin, scan_.at() - begin), to);
        }
    }

    // A number or an array: the few that there are, as the parser reads them.
    static bool other(std::string_view text, ordered_json& to) {
        std::uint64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error == std::errc() && end == text.data() + text.size()) {
            to = number;
        } else if (text == "[]") {
            to = ordered_json::array();
        } else {
            to = ordered_json::parse(text);
        }
        return true;
    }

    std::string_view line_;
    base::CanonicalScan scan_;
};

ordered_json parsed(std::string_view line) {
    auto read = ordered_json::parse(line);
    ordered_json entry;
    for (const auto key : keys) {
        const auto member = read.find(std::string(key));
        entry[std::string(key)] = member == read.end() ? ordered_json(nullptr) : std::move(*member);
    }
    return entry;
}

}  // namespace

ordered_json entry_of(std::string_view line) {
    auto entry = Builder(line).entry();
    return entry ? std::move(*entry) : parsed(line);
}

const json& member_of(const json& value, const char* name) {
    static const json none;
    if (!value.is_object()) return none;
    const auto found = value.find(name);
    return found == value.end() ? none : *found;
}

std::string text_of(const json& value, const char* name) {
    const auto& member = member_of(value, name);
    return member.is_string() ? member.get<std::string>() : std::string();
}

}  // namespace custody::audit
