// Ids of the original's: random UUIDs, unless somebody named files by hand.

#include <array>

#include "base/sha256.hpp"
#include "original/tree.hpp"

namespace custody::original {

namespace {

// Version 8 (RFC 9562): made from the text, so that it is the same each time.
template <class Id>
Id id_of(const std::string& original) {
    if (const auto id = Id::try_parse(original)) return *id;
    const auto digest = base::sha256("id of the original system:" + original).hex();
    std::string text = digest.substr(0, 8) + "-" + digest.substr(8, 4) + "-8" + digest.substr(13, 3) + "-a" +
                       digest.substr(17, 3) + "-" + digest.substr(20, 12);
    return Id::parse(text);
}

}  // namespace

ArtifactId artifact_id_of(const std::string& original_id) { return id_of<ArtifactId>(original_id); }
RunId run_id_of(const std::string& original_id) { return id_of<RunId>(original_id); }

}  // namespace custody::original
