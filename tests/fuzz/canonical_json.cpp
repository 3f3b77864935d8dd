// The scanner of canonical JSON against the slow way: to parse the text and to write it again.
#include <custody/error.hpp>
#include <optional>

#include "base/canonical_json.hpp"
#include "base/canonical_scan.hpp"
#include "base/text.hpp"
#include "property.hpp"

using namespace custody;
using namespace custody::base;

namespace {

std::optional<std::string> written_again(std::string_view text) {
    const auto value = json::parse(text.begin(), text.end(), nullptr, false);
    if (value.is_discarded()) return std::nullopt;
    try {
        return canonical_json(value);
    } catch (const InvalidArgument&) {
        return std::nullopt;
    }
}

// The input as a text that is to be written.
void check_escaping(std::string_view text) {
    std::string canonical;
    append_canonical_string(canonical, text);
    CanonicalScan scan(canonical);
    std::string_view raw;
    require(scan.string(raw) && scan.at_end(), "a string that is written is read");
    require(unescape(raw) == text, "a string comes back from its canonical form");
}

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto length = utf8_length(text, at);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = text_of(data, size);
    const bool canonical = is_canonical_json(text);
    const auto again = written_again(text);
    require(canonical == (again == text), "a text is canonical where reading and writing gives the same");
    if (again) require(is_canonical_json(*again), "what the writer writes is canonical");
    if (canonical && text.front() == '"') {
        const auto value = json::parse(text.begin(), text.end());
        require(unescape(text.substr(1, size - 2)) == value.get_ref<const std::string&>(),
                "a string is unescaped as it is parsed");
    }
    if (is_utf8(text)) check_escaping(text);
    return 0;
}
