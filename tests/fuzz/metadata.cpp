// JSON that callers give: what is accepted is read by everybody alike, and is written, guarded and withheld without surprise.
#include <custody/error.hpp>
#include <optional>
#include <string>

#include "base/canonical_json.hpp"
#include "base/canonical_scan.hpp"
#include "base/phi_guard.hpp"
#include "base/strict_json.hpp"
#include "base/text.hpp"
#include "property.hpp"

using namespace custody;
using namespace custody::base;

namespace {

constexpr JsonLimits limits{.bytes = 4096, .depth = 8};

std::optional<json> read(std::string_view text) {
    try {
        return parse_strict_object(text, limits, "metadata");
    } catch (const InvalidArgument& error) {
        require(is_clean_utf8(error.what()), "a message is text");
        return std::nullopt;
    }
}

std::size_t depth_of(const json& value) {
    std::size_t deepest = 0;
    if (value.is_structured()) {
        for (const auto& child : value) deepest = std::max(deepest, depth_of(child));
        ++deepest;
    }
    return deepest;
}

void check_accepted(std::string_view text, const json& value) {
    require(text.size() <= limits.bytes && depth_of(value) <= limits.depth && value.is_object(),
            "what is accepted keeps the limits");
    require(json::parse(text.begin(), text.end()) == value, "it is what any parser reads");
    std::string written;
    try {
        written = dump_strict_object(value, limits, "metadata");
    } catch (const InvalidArgument&) {
        return;  // numbers can be longer when they are written
    }
    require(read(written) == value, "what is written is read again, and is the same");
    std::string canonical;
    try {
        canonical = canonical_json(value);
    } catch (const InvalidArgument&) {
        return;  // an integer that no double holds
    }
    require(is_canonical_json(canonical), "its canonical form is one");
    require(canonical_json(json::parse(canonical)) == canonical, "its canonical form is its own");
}

void check_guard(std::string_view text) {
    (void)find_phi(json{{"note", text}});
    (void)find_phi(json{{text, 1}});
    const auto withheld = withhold_phi(text);
    require(is_clean_utf8(withheld), "what is left of a text is text");
    require(withhold_phi(withheld) == withheld, "what is withheld leaves nothing to withhold");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = text_of(data, size);
    if (const auto value = read(text)) {
        check_accepted(text, *value);
        (void)find_phi(*value);
    }
    if (is_clean_utf8(text)) check_guard(text);
    return 0;
}
