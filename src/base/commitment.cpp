#include "base/commitment.hpp"

#include "base/random.hpp"
#include "base/sha256.hpp"

namespace custody::base {

Salt random_salt() {
    Salt salt;
    random_bytes(salt);
    return salt;
}

std::string commit_text(const Salt& salt, std::string_view text) {
    Sha256 hash;
    hash.update(std::as_bytes(std::span(salt)));
    hash.update(text);
    return "sha256:" + hash.finish().hex();
}

}  // namespace custody::base
